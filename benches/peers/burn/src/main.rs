//! Burn trains the workloads: train_burn --data DIR --workload W1|W2|W3|W4
#[path = "../../protocol.rs"]
mod protocol;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::loss::{CrossEntropyLoss, CrossEntropyLossConfig};
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{Linear, LinearConfig, PaddingConfig2d};
use burn::optim::momentum::MomentumConfig;
use burn::optim::{AdamConfig, GradientsParams, ModuleOptimizer, SgdConfig};
use burn::prelude::*;
use burn::tensor::activation::relu;
use protocol::*;

#[derive(Module, Debug)]
struct Net {
    convs: Vec<Conv2d>,
    dense: Vec<Linear>,
    pool: MaxPool2d,
    first_pool: bool,
}

impl Net {
    fn new(w: &str, d: &Device) -> Net {
        let lin = |i, o| LinearConfig::new(i, o).init(d);
        let conv = |i, o, k, p| {
            Conv2dConfig::new([i, o], [k, k]).with_padding(PaddingConfig2d::Explicit(p, p, p, p)).init(d)
        };
        let (convs, dense) = match w {
            "W1" => (vec![], vec![lin(784, 128), lin(128, 10)]),
            "W2" => (vec![], vec![lin(784, 1024), lin(1024, 1024), lin(1024, 10)]),
            "W3" => (
                vec![conv(1, 6, 5, 2), conv(6, 16, 5, 0)],
                vec![lin(400, 120), lin(120, 84), lin(84, 10)],
            ),
            _ => (vec![conv(1, 32, 3, 0), conv(32, 64, 3, 0)], vec![lin(9216, 128), lin(128, 10)]),
        };
        let pool = MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init();
        Net { convs, dense, pool, first_pool: w == "W3" }
    }

    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let mut x = x;
        if !self.convs.is_empty() {
            let [b, _] = x.dims();
            let mut y: Tensor<4> = x.reshape([b, 1, 28, 28]);
            y = relu(self.convs[0].forward(y));
            if self.first_pool {
                y = self.pool.forward(y);
            }
            y = self.pool.forward(relu(self.convs[1].forward(y)));
            x = y.flatten(1, 3);
        }
        let last = self.dense.len() - 1;
        for (i, l) in self.dense.iter().enumerate() {
            x = l.forward(x);
            if i < last {
                x = relu(x);
            }
        }
        x
    }
}

struct T {
    net: Option<Net>,
    opt: ModuleOptimizer,
    lr: f64,
    loss: CrossEntropyLoss,
    dev: Device,
    plain: Device,
    data: Mnist,
}

impl Trainer for T {
    fn step(&mut self, idx: &[usize]) {
        let x = Tensor::<2>::from_data(TensorData::new(self.data.gather(idx), [idx.len(), 784]), &self.dev);
        let y: Vec<i64> = idx.iter().map(|&i| self.data.y[i] as i64).collect();
        let y = Tensor::<1, Int>::from_data(TensorData::new(y, [idx.len()]), &self.dev);
        let net = self.net.take().unwrap();
        let loss = self.loss.forward(net.forward(x), y);
        let grads = GradientsParams::from_grads(loss.backward(), &net);
        self.net = Some(self.opt.step(self.lr, net, grads));
    }
    fn sync(&mut self) {
        self.plain.sync().unwrap();
    }
    fn accuracy(&mut self) -> Option<f64> {
        let net = self.net.as_ref().unwrap().valid();
        let n = self.data.ty.len();
        let mut ok = 0;
        for i in (0..n).step_by(500) {
            let x = self.data.tx[i * 784..(i + 500) * 784].to_vec();
            let x = Tensor::<2>::from_data(TensorData::new(x, [500, 784]), &self.plain);
            let p: Vec<i64> = net.forward(x).argmax(1).into_data().iter::<i64>().collect();
            ok += p.iter().zip(&self.data.ty[i..]).filter(|(a, b)| **a == **b as i64).count();
        }
        Some(ok as f64 / n as f64)
    }
}

pub fn device() -> (Device, &'static str) {
    #[cfg(feature = "cpu")]
    return (Device::cpu(), "burn-cpu");
    #[cfg(all(feature = "ndarray", not(feature = "cpu")))]
    #[allow(deprecated)]
    return (Device::ndarray(), "burn-ndarray");
    #[cfg(all(feature = "flex", not(feature = "cpu"), not(feature = "ndarray")))]
    return (Device::flex(), "burn-flex");
}

fn main() {
    let w = arg("workload").expect("--workload");
    let data = load_mnist(&arg("data").expect("--data"));
    let (plain, name) = device();
    let dev = plain.clone().autodiff();
    let net = Net::new(&w, &dev);
    let opt = if w == "W2" {
        AdamConfig::new().with_epsilon(1e-8).init()
    } else {
        SgdConfig::new().with_momentum(Some(MomentumConfig::new().with_dampening(0.0))).init()
    };
    let lr = match w.as_str() {
        "W1" => 0.05,
        "W2" => 1e-3,
        _ => 0.01,
    };
    let rep = Reporter { peer: name.into(), version: "0.22.1".into(), workload: w };
    let n = data.n();
    let loss = CrossEntropyLossConfig::new().init(&dev);
    run_training(&rep, n, &mut T { net: Some(net), opt, lr, loss, dev, plain, data });
}
