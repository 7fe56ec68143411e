//! A thread that holds a lock while kernels run on several threads does not deadlock: neither with a thread that waits for the lock, nor
//! with itself.

use std::sync::Mutex;
use std::thread;

use ravine_autograd::{Param, Tape};
use ravine_data::{DataError, Dataset, Pick, TensorSet};
use ravine_optim::{Optimizer, Sgd};
use ravine_tensor::Tensor;
use ravine_train::{Outcome, evaluate};

/// A step changes the weight, which is large enough for several threads, behind its lock; all threads of the pool may ask for it.
#[test]
fn a_model_is_evaluated_while_it_is_trained() {
    let weight = Param::new(Tensor::zeros([256, 256]));
    let set = TensorSet::new(Tensor::<f32>::ones([64, 256]), Tensor::<f32>::zeros([64, 1]));
    let loss = |tape: &Tape, x: &Tensor| tape.input(x.clone()).matmul(&tape.param(&weight)).mean(..);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut optimizer = Optimizer::new(&weight, Sgd::momentum(0.9), 0.01);
            for _ in 0..300 {
                optimizer.step(loss(&Tape::new(), &Tensor::ones([32, 256])).backward()).unwrap();
            }
        });
        scope.spawn(|| {
            for _ in 0..300 {
                evaluate(&set, 4, |tape, (x, _)| Outcome::new(loss(tape, x), 4)).unwrap();
            }
        });
    });
    assert!(weight.value().max(..).item() < 0.0);
}

/// Rows of ones, from which it takes a mean that it keeps behind a lock.
struct Centred(Mutex<Tensor>);

impl Dataset for Centred {
    type Batch = Tensor;

    fn len(&self) -> usize {
        1024
    }

    fn batch(&self, pick: Pick<'_>) -> Result<Tensor, DataError> {
        let rows = Tensor::ones([pick.indices.len(), 12_288]).sqrt();
        let mean = self.0.lock().unwrap();
        Ok(rows - &*mean)
    }
}

#[test]
fn a_data_set_may_hold_a_lock_while_it_uses_kernels() {
    let set = Centred(Mutex::new(Tensor::full([12_288], 0.5)));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build().unwrap();
    pool.install(|| {
        for _ in 0..20 {
            let scores =
                evaluate(&set, 16, |tape, x| Outcome::new(tape.input(x.clone()).mean(..), 16)).unwrap();
            assert_eq!(scores.loss(), 0.5);
        }
    });
}
