//! Tapes of different threads share nothing but the model.

use std::sync::{Arc, Barrier};

use ravine_autograd::{Param, Tape, Var, checkpoint};
use ravine_tensor::{Rng, Tensor, sequential};

/// Gradients and the loss of a network with dropout, a tied weight and a checkpoint, on data of its own.
fn pass(params: &Arc<[Param; 3]>, seed: u64) -> Vec<Vec<f32>> {
    let tape = Tape::train(Rng::new(seed));
    let x = tape.with_rng(|rng| Tensor::randn([8, 6], rng));
    let hidden = tape.input(x).matmul(&tape.param(&params[0])).tanh();
    let hidden = tape.with_rng(|rng| hidden.dropout(0.3, rng));
    let shared = params.clone();
    let block = move |[h]: [&Var; 1]| {
        let weight = h.tape().param(&shared[1]);
        h.tape().with_rng(|rng| h.matmul(&weight).sigmoid().matmul(&weight).dropout(0.2, rng))
    };
    let out =
        checkpoint(block, [&hidden]).matmul(&tape.param(&params[2])).matmul(&tape.param(&params[2]).t());
    let loss = (out + hidden.matmul(&tape.param(&params[1]))).square().mean(..);
    loss.hook(|g| Some(g * 2.0));
    let grads = loss.backward();
    let mut found: Vec<Vec<f32>> = grads.iter().map(|(_, grad)| grad.to_vec()).collect();
    assert_eq!(found.len(), 3);
    found.push(vec![loss.item()]);
    found
}

#[test]
fn sixty_four_tapes_at_once_give_what_one_after_another_gives() {
    let rng = &mut Rng::new(1);
    let params: Arc<[Param; 3]> =
        Arc::new([[6, 7], [7, 7], [7, 3]].map(|shape| Param::new(Tensor::randn(shape, rng) * 0.5)));
    let barrier = Arc::new(Barrier::new(64));
    let threads: Vec<_> = (0..64)
        .map(|seed| {
            let (params, barrier) = (params.clone(), barrier.clone());
            std::thread::spawn(move || {
                sequential(|| {
                    barrier.wait();
                    (0..10).map(|_| pass(&params, seed)).collect::<Vec<_>>()
                })
            })
        })
        .collect();
    let together: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    for (seed, found) in together.iter().enumerate() {
        let alone = sequential(|| pass(&params, seed as u64));
        assert!(found.iter().all(|run| *run == alone), "seed {seed}");
    }
}
