//! Recurrent networks: outputs and last states, with and without initial ones, and for samples of different lengths.

use ravine_autograd::Var;
use ravine_nn::*;
use ravine_tensor::Rng;

use crate::Subject;

pub fn layer(name: &str, rng: &mut Rng) -> Subject {
    const LENGTHS: Option<&[usize]> = Some(&[2, 4, 1]);
    let both = |(y, last): (Var, Var)| vec![y, last];
    let three = |(y, (hidden, cell)): (Var, (Var, Var))| vec![y, hidden, cell];
    match name {
        "rnn" => Subject::new(Rnn::new(3, 4, 2, rng), move |rnn, x| both(rnn.forward(&x[0]))),
        "rnn/relu" => Subject::new(Rnn::bidirectional(3, 4, 1, rng).relu().no_bias(), move |rnn, x| {
            both(rnn.forward_from(&x[0], Some(&x[1]), None))
        }),
        "lstm" => Subject::new(Lstm::new(3, 5, 1, rng), move |lstm, x| three(lstm.forward(&x[0]))),
        "lstm/deep" => Subject::new(Lstm::bidirectional(3, 2, 2, rng), move |lstm, x| {
            three(lstm.forward_from(&x[0], Some((&x[1], &x[2])), None))
        }),
        "lstm/packed" => Subject::new(Lstm::bidirectional(2, 2, 2, rng).no_bias(), move |lstm, x| {
            three(lstm.forward_from(&x[0], None, LENGTHS))
        }),
        "gru" => Subject::new(Gru::new(3, 4, 2, rng), move |gru, x| {
            both(gru.forward_from(&x[0], Some(&x[1]), None))
        }),
        "rnn/dropout" => {
            Subject::new(Rnn::new(3, 4, 3, rng).dropout(0.5), move |rnn, x| both(rnn.forward(&x[0])))
        }
        "lstm/dropout" => Subject::new(Lstm::bidirectional(3, 2, 2, rng).dropout(0.5), move |lstm, x| {
            three(lstm.forward(&x[0]))
        }),
        "gru/dropout" => {
            Subject::new(Gru::new(3, 4, 2, rng).dropout(0.5), move |gru, x| both(gru.forward(&x[0])))
        }
        "gru/packed" => Subject::new(Gru::bidirectional(2, 3, 1, rng), move |gru, x| {
            both(gru.forward_from(&x[0], None, LENGTHS))
        }),
        _ => panic!("{name} is in the file, but not here"),
    }
}
