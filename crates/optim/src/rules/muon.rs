//! Muon.

use std::mem::replace;

use ravine_tensor::{Float, Shape, Tensor};

use super::{Adam, not_negative, shares};
use crate::{Decay, Rule, Step};

/// Momentum with all its singular values made about equal, for matrices:
///
/// ```text
/// m <- momentum m + (1 - momentum) g
/// u = momentum m + (1 - momentum) g        (without nesterov: u = m)
/// w <- w - rate scale · orthogonalised(u)
/// ```
///
/// `orthogonalised(u)` is near `U Vᵀ` where `u = U S Vᵀ`: five steps of the Newton-Schulz iteration
/// `x <- a x + (b x xᵀ + c (x xᵀ)²) x` from `u / ‖u‖`. (PyTorch does them in bfloat16; here they have the precision of the
/// weights.) Weight decay is decoupled, `w <- (1 - rate weight_decay) w` before that, by default 0.1.
///
/// A parameter with more than two axes is taken as a matrix `[first, all others]`. Vectors and scalars are updated by [`Adam`], with
/// `vector_rate` times the rate also for their decay, so one optimizer can train a whole model; embeddings and the last layer are best
/// trained by another.
///
/// Jordan et al. 2024, 'Muon: an optimizer for hidden layers in neural networks'; scales: Liu et al. 2025, 'Muon is scalable for
/// LLM training'; Bernstein 2025, 'Deriving Muon'.
///
/// ```
/// use ravine_optim::{Muon, MuonScale};
///
/// let muon = Muon { scale: MuonScale::MatchAdam, vector_rate: 1.0, ..Muon::default() };
/// assert_eq!(muon.momentum, 0.95);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Muon {
    /// The share of the mean that stays.
    pub momentum: f64,
    /// Whether to look ahead by the present gradient.
    pub nesterov: bool,
    /// The factor on the rate, by the shape of the matrix.
    pub scale: MuonScale,
    /// The coefficients `(a, b, c)` of the iteration.
    pub coefficients: [f64; 3],
    /// How many steps of it.
    pub iterations: usize,
    /// The least norm by which a matrix is divided.
    pub eps: f64,
    /// The rule for parameters that are not matrices, without `amsgrad`.
    pub vectors: Adam,
    /// The factor on their rate; 0.015 goes with a rate of 0.02.
    pub vector_rate: f64,
}

/// The factor on [`Muon`]'s rate for a matrix of `n` rows and `m` columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MuonScale {
    /// `√max(1, n/m)`.
    #[default]
    Original,
    /// `0.2 √max(n, m)`: the rates and decays that suit AdamW suit Muon.
    MatchAdam,
    /// `√(n/m)`.
    Spectral,
}

impl Default for Muon {
    fn default() -> Self {
        Muon {
            momentum: 0.95,
            nesterov: true,
            scale: MuonScale::Original,
            coefficients: [3.4445, -4.775, 2.0315],
            iterations: 5,
            eps: 1e-7,
            vectors: Adam::default(),
            vector_rate: 0.015,
        }
    }
}

impl<T: Float> Rule<T> for Muon {
    const NAME: &'static str = "Muon";
    // Decoupled decay, but at a rate for vectors that the driver does not know of.
    const DECAY: Decay = Decay::Own;
    const WEIGHT_DECAY: f64 = 0.1;

    fn slots(&self) -> &'static [&'static str] {
        // A matrix uses the first, a vector the other two.
        &["momentum", "mean", "mean_square"]
    }

    fn slot_shape(&self, slot: &str, param: &Shape) -> Shape {
        if (slot == "momentum") == (param.rank() >= 2) { *param } else { Shape::from([0]) }
    }

    fn fault(&self) -> Option<String> {
        shares(&[("momentum", self.momentum)])
            .or_else(|| not_negative(&[("eps", self.eps), ("vector_rate", self.vector_rate)]))
            .or_else(|| Rule::<T>::fault(&self.vectors))
    }

    fn update(&self, step: Step<T>) {
        let (count, vector, weight_decay) = (step.count, step.shape().rank() < 2, step.weight_decay);
        let rate = if vector { step.rate * self.vector_rate } else { step.rate };
        step.whole(|w, g, [momentum, mean, mean_square]| {
            if w.numel() == 0 {
                return;
            }
            *w *= T::of(1.0 - rate * weight_decay);
            if vector {
                let adam = Adam { amsgrad: false, ..self.vectors };
                let mut slots = [&mut *mean, &mut *mean_square].map(|slot| replace(slot, Tensor::zeros([0])));
                adam.update(Step::new(&adam, rate, count, w, g, &mut slots));
                [*mean, *mean_square] = slots;
                return;
            }
            let rest = T::of(1.0 - self.momentum);
            momentum.zip_(g, |m, g| *m += rest * (g - *m));
            let ahead =
                if self.nesterov { momentum.zip(g, |m, g| m + rest * (g - m)) } else { momentum.clone() };
            let (n, m) = (w.size(0), w.numel() / w.size(0));
            let (rows, columns) = (n as f64, m as f64);
            let scale = match self.scale {
                MuonScale::Original => (rows / columns).max(1.0).sqrt(),
                MuonScale::MatchAdam => 0.2 * rows.max(columns).sqrt(),
                MuonScale::Spectral => (rows / columns).sqrt(),
            };
            let rate = T::of(rate * scale);
            let update = self.orthogonalised(&ahead.reshape([n, m])).reshape(*w.shape());
            w.zip_(&update, |w, u| *w -= rate * u);
        });
    }
}

impl Muon {
    fn orthogonalised<T: Float>(&self, u: &Tensor<T>) -> Tensor<T> {
        let tall = u.size(0) > u.size(1);
        let [a, b, c] = self.coefficients.map(T::of);
        let wide = if tall { u.t() } else { u.clone() };
        let mut x = wide * T::of(1.0 / u.norm_squared().sqrt().max(self.eps));
        for _ in 0..self.iterations {
            let gram = x.matmul(&x.t());
            let mix = gram.zip(&gram.matmul(&gram), |gram, square| b * gram + c * square);
            x = mix.matmul(&x).zip(&x, |y, x| y + a * x);
        }
        if tall { x.t() } else { x }
    }
}

#[cfg(test)]
mod tests {
    use ravine_autograd::{Param, Tape};
    use ravine_tensor::Rng;

    use super::*;
    use crate::Optimizer;

    #[test]
    fn vectors_decay_at_their_own_rate() {
        let (gain, matrix) = (Param::new(Tensor::from([1.0])), Param::new(Tensor::from([[1.0]])));
        let mut optimizer = Optimizer::new(&(gain.tied(), matrix.tied()), Muon::default(), 0.02);
        let tape = Tape::new();
        optimizer.step(((tape.param(&gain) + tape.param(&matrix)) * 0.0).sum(..).backward()).unwrap();
        let shrinks = |w: &Param| 1.0 - f64::from(w.value().to_vec()[0]);
        assert!((shrinks(&matrix) - 0.02 * 0.1).abs() < 1e-6, "{}", shrinks(&matrix));
        assert!((shrinks(&gain) - 0.015 * 0.02 * 0.1).abs() < 1e-6, "{}", shrinks(&gain));
    }

    #[test]
    fn every_direction_becomes_about_equally_long() {
        let u = Tensor::<f64>::randn([5, 12], &mut Rng::new(3));
        let x = Muon::default().orthogonalised(&u);
        let gram = x.matmul(&x.t());
        // With these coefficients singular values land between about 0.7 and 1.2, not at 1.
        assert!((0..5).all(|i| (0.4..1.5).contains(&gram.at([i, i]))), "{gram}");
        let tall = Muon::default().orthogonalised(&u.t());
        assert!((tall.t() - x).iter().all(|d| d.abs() < 1e-12));
    }
}
