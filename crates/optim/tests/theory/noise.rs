//! When the gradient has noise.

use ravine_optim::Sgd;
use ravine_tensor::{Rng, Tensor};

use crate::one_weight::iteration;
use crate::{Descent, assert_close};

/// `E[x²]` in the long run on `lambda x² / 2`, if the gradient has noise of this deviation.
fn noise_floor(rate: f64, beta: f64, lambda: f64, sigma: f64) -> f64 {
    rate * sigma * sigma * (1.0 + beta) / ((1.0 - beta) * lambda * (2.0 * (1.0 + beta) - rate * lambda))
}

#[test]
fn noise_keeps_weights_off_the_floor() {
    for (beta, want) in [(0.0, 0.05263), (0.9, 0.51351)] {
        let floor = noise_floor(0.1, beta, 1.0, 1.0);
        assert_close(floor, want, 5e-6);
        // The covariance that one more step leaves as it is.
        let m = iteration(0.1, beta, 1.0);
        let velocity = if beta == 0.0 { 0.0 } else { 1.0 };
        let kick = [-0.1, velocity];
        let mut s = [[0.0; 2]; 2];
        for _ in 0..2000 {
            let old = s;
            for (i, row) in s.iter_mut().enumerate() {
                for (j, entry) in row.iter_mut().enumerate() {
                    let moved: f64 = (0..2)
                        .flat_map(|k| (0..2).map(move |l| (k, l)))
                        .map(|(k, l)| m[i][k] * old[k][l] * m[j][l])
                        .sum();
                    *entry = moved + kick[i] * kick[j];
                }
            }
        }
        assert_close(s[0][0], floor, 1e-12);

        // And what is measured, over 256 weights and 4000 steps.
        let rng = Rng::new(5);
        let rule = Sgd::momentum(beta);
        let mut descent = Descent::new(0.1, rule, &[0.0; 256]);
        let (mut sum, mut seen) = (0.0, 0.0);
        for k in 0..4000 {
            let noise = Tensor::<f64>::randn([256], &mut rng.child(k)).to_vec();
            descent.descend(|i, x| x + noise[i]);
            if k >= 500 {
                sum += descent.w.norm_squared();
                seen += 256.0;
            }
        }
        assert_close(sum / seen, floor, 0.02 * floor);
    }
}

#[test]
fn the_noise_of_a_gradient_falls_with_the_root_of_the_batch() {
    // The mean of `(w x - y)² / 2` over examples, at w = 0: each has the gradient -x y.
    let (examples, draws) = (1024, 400u64);
    let rng = Rng::new(9);
    let [x, y] = [0, 1].map(|i| Tensor::<f64>::randn([examples], &mut rng.child(i)));
    let gradients = x.zip(&y, |x, y| -x * (0.7 * x + y)).to_vec();
    let mean = gradients.iter().sum::<f64>() / examples as f64;
    let variance = gradients.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / (examples - 1) as f64;
    for batch in [1, 4, 16, 64, 256, examples] {
        let square = |draw: u64| {
            let order = Tensor::<i64>::randperm(examples, &mut rng.child(10 + draw));
            let sum: f64 = order.iter().take(batch).map(|i| gradients[i as usize]).sum();
            (sum / batch as f64 - mean).powi(2)
        };
        let measured = ((0..draws).map(square).sum::<f64>() / draws as f64).sqrt();
        // Drawn without replacement, so that none is left when the batch has all.
        let left = 1.0 - batch as f64 / examples as f64;
        let law = (variance / batch as f64 * left).sqrt();
        assert!((measured - law).abs() <= 0.12 * law + 1e-12, "batch {batch}: {measured}, by the law {law}");
    }
}
