//! Recurrent networks: each cell, both directions, samples of different lengths.

use ravine_tensor::{Recurrence, Steps};

use super::{Case, V, case, normal as n};

fn run(cell: Recurrence, x: &[&V], steps: Steps) -> V {
    x[0].recurrent(cell, x[1], x.get(3).copied(), x[2], &steps)
}

fn all() -> Steps {
    Steps::default()
}

fn backwards() -> Steps {
    Steps { reverse: true, lengths: Some(vec![2, 3]) }
}

pub fn cases() -> Vec<Case> {
    vec![
        case(
            "recurrent",
            |x| run(Recurrence::Tanh, x, all()),
            &[n(&[3, 2, 2]), n(&[2, 2]), n(&[2, 2]), n(&[2])],
        ),
        case(
            "recurrent",
            |x| run(Recurrence::Relu, x, backwards()),
            &[n(&[3, 2, 2]), n(&[2, 2]), n(&[2, 2])],
        ),
        case(
            "recurrent",
            |x| run(Recurrence::Lstm, x, all()),
            &[n(&[2, 2, 8]), n(&[8, 2]), n(&[2, 4]), n(&[8])],
        ),
        case(
            "recurrent",
            |x| run(Recurrence::Lstm, x, backwards()),
            &[n(&[3, 2, 4]), n(&[4, 1]), n(&[2, 2])],
        ),
        case("recurrent", |x| run(Recurrence::Gru, x, all()), &[n(&[2, 2, 6]), n(&[6, 2]), n(&[2, 2])]),
        case(
            "recurrent",
            |x| run(Recurrence::Gru, x, backwards()),
            &[n(&[3, 2, 3]), n(&[3, 1]), n(&[2, 1]), n(&[3])],
        ),
    ]
}
