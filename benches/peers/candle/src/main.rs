//! Candle trains the workloads: train_candle --data DIR --workload W1|W2|W3|W4
#[path = "../../protocol.rs"]
mod protocol;
use candle_core::{DType, Device, Result, Tensor, Var};
use candle_nn::{
    conv2d, linear, loss::cross_entropy, AdamW, Conv2d, Conv2dConfig, Linear, Module, Optimizer,
    ParamsAdamW, VarBuilder, VarMap,
};
use protocol::*;

/// candle-nn's SGD has no momentum, so this is the plain way to write it with candle's tensors.
struct Momentum {
    vars: Vec<(Var, Option<Tensor>)>,
    lr: f64,
}

impl Momentum {
    fn step(&mut self, loss: &Tensor) -> Result<()> {
        let grads = loss.backward()?;
        for (var, vel) in &mut self.vars {
            if let Some(g) = grads.get(var) {
                let g = g.detach();
                let v = match vel.take() {
                    Some(v) => (v.affine(0.9, 0.0)? + g)?,
                    None => g,
                };
                var.set(&var.sub(&v.affine(self.lr, 0.0)?)?)?;
                *vel = Some(v);
            }
        }
        Ok(())
    }
}

enum Opt {
    Sgd(Momentum),
    Adam(AdamW),
}

struct T {
    w: String,
    convs: Vec<Conv2d>,
    dense: Vec<Linear>,
    opt: Opt,
    data: Mnist,
}

impl T {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let mut x = x.clone();
        if !self.convs.is_empty() {
            x = x.reshape(((), 1, 28, 28))?;
            x = self.convs[0].forward(&x)?.relu()?;
            if self.w == "W3" {
                x = x.max_pool2d(2)?;
            }
            x = self.convs[1].forward(&x)?.relu()?.max_pool2d(2)?.flatten_from(1)?;
        }
        let last = self.dense.len() - 1;
        for (i, l) in self.dense.iter().enumerate() {
            x = l.forward(&x)?;
            if i < last {
                x = x.relu()?;
            }
        }
        Ok(x)
    }

    fn try_step(&mut self, idx: &[usize]) -> Result<()> {
        let d = Device::Cpu;
        let x = Tensor::from_vec(self.data.gather(idx), (idx.len(), 784), &d)?;
        let y: Vec<u32> = idx.iter().map(|&i| self.data.y[i] as u32).collect();
        let loss = cross_entropy(&self.forward(&x)?, &Tensor::from_vec(y, idx.len(), &d)?)?;
        match &mut self.opt {
            Opt::Sgd(o) => o.step(&loss),
            Opt::Adam(o) => o.backward_step(&loss),
        }
    }
}

impl Trainer for T {
    fn step(&mut self, idx: &[usize]) {
        self.try_step(idx).unwrap();
    }
    fn accuracy(&mut self) -> Option<f64> {
        let n = self.data.ty.len();
        let mut ok = 0;
        for i in (0..n).step_by(500) {
            let x = Tensor::from_slice(&self.data.tx[i * 784..(i + 500) * 784], (500, 784), &Device::Cpu).ok()?;
            let p = self.forward(&x).ok()?.argmax(1).ok()?.to_vec1::<u32>().ok()?;
            ok += p.iter().zip(&self.data.ty[i..]).filter(|(a, b)| **a == **b as u32).count();
        }
        Some(ok as f64 / n as f64)
    }
}

fn main() -> Result<()> {
    let w = arg("workload").expect("--workload");
    let data = load_mnist(&arg("data").expect("--data"));
    let vm = VarMap::new();
    let vb = VarBuilder::from_varmap(&vm, DType::F32, &Device::Cpu);
    let lin = |n: &str, i, o| linear(i, o, vb.pp(n));
    let conv = |n: &str, i, o, k, padding| {
        conv2d(i, o, k, Conv2dConfig { padding, ..Default::default() }, vb.pp(n))
    };
    let (convs, dense) = match w.as_str() {
        "W1" => (vec![], vec![lin("a", 784, 128)?, lin("b", 128, 10)?]),
        "W2" => (vec![], vec![lin("a", 784, 1024)?, lin("b", 1024, 1024)?, lin("c", 1024, 10)?]),
        "W3" => (
            vec![conv("x", 1, 6, 5, 2)?, conv("y", 6, 16, 5, 0)?],
            vec![lin("a", 400, 120)?, lin("b", 120, 84)?, lin("c", 84, 10)?],
        ),
        _ => (
            vec![conv("x", 1, 32, 3, 0)?, conv("y", 32, 64, 3, 0)?],
            vec![lin("a", 9216, 128)?, lin("b", 128, 10)?],
        ),
    };
    let opt = if w == "W2" {
        Opt::Adam(AdamW::new(vm.all_vars(), ParamsAdamW { lr: 1e-3, weight_decay: 0.0, ..Default::default() })?)
    } else {
        let lr = if w == "W1" { 0.05 } else { 0.01 };
        Opt::Sgd(Momentum { vars: vm.all_vars().into_iter().map(|v| (v, None)).collect(), lr })
    };
    let rep = Reporter { peer: "candle".into(), version: "0.11.1".into(), workload: w.clone() };
    let n = data.n();
    run_training(&rep, n, &mut T { w, convs, dense, opt, data });
    Ok(())
}
