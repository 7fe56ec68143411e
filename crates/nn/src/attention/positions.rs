//! Positional encodings.

use ravine_autograd::{Module, Var};
use ravine_tensor::Tensor;

use crate::{Layer, check};

/// `y[.., t, i] = x[.., t, i] + s[t, i]`, with `s[t, 2i] = sin(t / 10000^(2i / features))` and `s[t, 2i + 1]` its cosine.
///
/// Shapes: `[.., length, features]`, in and out. No parameters.
///
/// Vaswani et al. 2017, 'Attention is all you need', section 3.5.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::{Layer, SinusoidalPositions};
/// use ravine_tensor::Tensor;
///
/// let x = Tape::eval().input(Tensor::zeros([2, 7, 4]));
/// let y = SinusoidalPositions::new(4, 100).forward(&x);
/// assert_eq!(y.value().index(0, 0).index(0, 0).to_vec(), [0.0, 1.0, 0.0, 1.0]);
/// assert_eq!(y.value().at([1, 3, 0]), 3f32.sin());
/// ```
#[derive(Clone, Debug, Module)]
#[module(display)]
pub struct SinusoidalPositions {
    /// `[positions, features]`.
    #[module(skip)]
    table: Tensor,
}

impl SinusoidalPositions {
    /// For vectors of `features` numbers, in sequences of at most `positions` positions.
    ///
    /// # Panics
    /// If either is 0, or the features are odd.
    #[track_caller]
    pub fn new(features: usize, positions: usize) -> Self {
        check_sizes("SinusoidalPositions", features, positions);
        let table = Tensor::from_fn([positions, features], |at| {
            let (t, i) = (at / features, at % features);
            let angle = angle(t, i / 2, features);
            (if i % 2 == 0 { angle.sin() } else { angle.cos() }) as f32
        });
        SinusoidalPositions { table }
    }
}

impl Layer for SinusoidalPositions {
    #[track_caller]
    fn forward(&self, x: &Var) -> Var {
        let length = check_input("SinusoidalPositions", x, &self.table, 1);
        x + x.constant(self.table.narrow(0, 0, length))
    }
}

/// Rotary encoding: pairs of features are rotated by angles that grow with the position, `t / 10000^(2i / features)` for pair `i`, so that the
/// product of a query and a key depends on the distance of their positions.
///
/// `y[t, i] = x[t, i] cos - x[t, i + n] sin`, `y[t, i + n] = x[t, i + n] cos + x[t, i] sin`, `n = features / 2`: a pair is `i` and `i + n`, as
/// in the weights of GPT-NeoX and LLaMA (the paper has `2i` and `2i + 1`, which is the same in another order of features).
///
/// Shapes: `[.., length, features]`, in and out. No parameters.
///
/// Su et al. 2021, 'RoFormer: enhanced transformer with rotary position embedding'.
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::{Layer, RotaryPositions};
/// use ravine_tensor::{Rng, Tensor};
///
/// let tape = Tape::eval();
/// let rotary = RotaryPositions::new(8, 100);
/// let row = |seed| tape.input(Tensor::randn([1, 8], &mut Rng::new(seed)).expand([50, 8]));
/// let (q, k) = (rotary.forward(&row(1)), rotary.forward(&row(2)));
/// let products = q.matmul(&k.t());
/// assert!((products.value().at([7, 3]) - products.value().at([44, 40])).abs() < 1e-4);
/// ```
#[derive(Clone, Debug, Module)]
#[module(display)]
pub struct RotaryPositions {
    /// `[positions, features / 2]`.
    #[module(skip)]
    cos: Tensor,
    #[module(skip)]
    sin: Tensor,
}

impl RotaryPositions {
    /// For vectors of `features` numbers, in sequences of at most `positions` positions.
    ///
    /// # Panics
    /// If either is 0, or the features are odd.
    #[track_caller]
    pub fn new(features: usize, positions: usize) -> Self {
        check_sizes("RotaryPositions", features, positions);
        let half = features / 2;
        let table = |f: fn(f64) -> f64| {
            Tensor::from_fn([positions, half], |at| f(angle(at / half, at % half, features)) as f32)
        };
        RotaryPositions { cos: table(f64::cos), sin: table(f64::sin) }
    }
}

impl Layer for RotaryPositions {
    #[track_caller]
    fn forward(&self, x: &Var) -> Var {
        let (length, half) = (check_input("RotaryPositions", x, &self.cos, 2), self.cos.size(1));
        let [cos, sin] = [&self.cos, &self.sin].map(|table| x.constant(table.narrow(0, 0, length)));
        let (a, b) = (x.narrow(-1, 0, half), x.narrow(-1, half, half));
        Var::cat(&[&(&a * &cos - &b * &sin), &(b * cos + a * sin)], -1)
    }
}

/// The angle of pair `i` at position `t`.
fn angle(t: usize, i: usize, features: usize) -> f64 {
    t as f64 / 10_000f64.powf((2 * i) as f64 / features as f64)
}

#[track_caller]
fn check_sizes(layer: &str, features: usize, positions: usize) {
    check::positive(layer, &[("features", features), ("positions", positions)]);
    assert!(
        features.is_multiple_of(2),
        "{layer}: features is {features}; expected an even number, for pairs"
    );
}

/// The length of the sequences of `x`, which `table` has positions for; a row of it has `features / share` numbers.
#[track_caller]
fn check_input(layer: &str, x: &Var, table: &Tensor, share: usize) -> usize {
    let (positions, features) = (table.size(0), share * table.size(1));
    assert!(
        x.rank() >= 2 && x.size(-1) == features && x.size(-2) <= positions,
        "{layer}: input {}; expected [.., length, {features}] with a length of at most {positions} positions",
        x.shape()
    );
    x.size(-2)
}
