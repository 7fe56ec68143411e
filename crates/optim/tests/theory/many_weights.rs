//! On quadratics in many weights, which fall apart into their eigenvectors.

use ravine_optim::Sgd;

use crate::{Descent, assert_close};

/// The eigenvalues of a symmetric matrix, ascending, and their vectors as columns, by Jacobi's rotations.
fn eigen(mut a: Vec<Vec<f64>>) -> (Vec<f64>, Vec<Vec<f64>>) {
    let n = a.len();
    let mut vectors: Vec<Vec<f64>> = (0..n).map(|i| (0..n).map(|j| f64::from(i == j)).collect()).collect();
    let off = |a: &[Vec<f64>]| {
        (0..n).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| a[i][j].powi(2)).sum::<f64>()
    };
    while off(&a) > 1e-22_f64 {
        for p in 0..n {
            for q in p + 1..n {
                if a[p][q] == 0.0 {
                    continue;
                }
                let theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
                let t = theta.signum() / (theta.abs() + theta.hypot(1.0));
                let c = 1.0 / t.hypot(1.0);
                let s = t * c;
                for row in a.iter_mut().chain(&mut vectors) {
                    (row[p], row[q]) = (c * row[p] - s * row[q], s * row[p] + c * row[q]);
                }
                for k in 0..n {
                    (a[p][k], a[q][k]) = (c * a[p][k] - s * a[q][k], s * a[p][k] + c * a[q][k]);
                }
            }
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| a[i][i].total_cmp(&a[j][j]));
    let values = order.iter().map(|&i| a[i][i]).collect();
    (values, vectors.iter().map(|row| order.iter().map(|&i| row[i]).collect()).collect())
}

fn times(a: &[Vec<f64>], x: &[f64]) -> Vec<f64> {
    a.iter().map(|row| row.iter().zip(x).map(|(a, x)| a * x).sum()).collect()
}

fn column(a: &[Vec<f64>], j: usize) -> Vec<f64> {
    a.iter().map(|row| row[j]).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[test]
fn gradient_descent_in_closed_form() {
    // f = xᵀ A x / 2 - bᵀ x with its minimum at (1, -2, 3).
    let a = vec![vec![2.0, 0.5, 0.1], vec![0.5, 1.0, -0.3], vec![0.1, -0.3, 0.5]];
    let (best, rate) = ([1.0, -2.0, 3.0], 0.7);
    let b = times(&a, &best);
    let (values, vectors) = eigen(a.clone());
    let start = [0.3, 0.2, -0.1];
    let mut descent = Descent::new(rate, Sgd::default(), &start);
    let from_best: Vec<f64> = start.iter().zip(&best).map(|(w, best)| w - best).collect();
    for k in 0..60 {
        let along = |i| dot(&column(&vectors, i), &from_best) * f64::powi(1.0 - rate * values[i], k);
        let want: Vec<f64> =
            (0..3).map(|row| best[row] + (0..3).map(|i| along(i) * vectors[row][i]).sum::<f64>()).collect();
        for (found, want) in descent.w.iter().zip(want) {
            assert_close(found, want, 1e-13);
        }
        let w = descent.w.to_vec();
        let gradient: Vec<f64> = times(&a, &w).iter().zip(&b).map(|(ax, b)| ax - b).collect();
        descent.step(&gradient);
    }
}

#[test]
fn features_of_a_regression_converge_in_order_of_their_eigenvalue() {
    // A polynomial of degree 4 through 9 points: the Hessian is AᵀA.
    let points: Vec<Vec<f64>> =
        (0..9).map(|i| f64::from(i) / 4.0 - 1.0).map(|x| (0..5).map(|p| x.powi(p)).collect()).collect();
    let target: Vec<f64> = points.iter().map(|row| (3.0 * row[1]).sin() + 0.3).collect();
    let gram: Vec<Vec<f64>> =
        (0..5).map(|i| (0..5).map(|j| dot(&column(&points, i), &column(&points, j))).collect()).collect();
    let (values, vectors) = eigen(gram.clone());
    let moment: Vec<f64> = (0..5).map(|i| dot(&column(&points, i), &target)).collect();
    let best: Vec<f64> = (0..5).map(|i| dot(&column(&vectors, i), &moment) / values[i]).collect();
    let rate = 1.0 / values[4];

    let mut descent = Descent::new(rate, Sgd::default(), &[0.0; 5]);
    let mut reached = [None; 5];
    for k in 1..=20_000 {
        let w = descent.w.to_vec();
        let gradient: Vec<f64> = times(&gram, &w).iter().zip(&moment).map(|(aw, m)| aw - m).collect();
        descent.step(&gradient);
        let w = descent.w.to_vec();
        for i in 0..5 {
            // The share of the feature that is there, 1 - (1 - rate λ)^k: a filter as of Tikhonov's penalty η, λ / (λ + η).
            let share = dot(&column(&vectors, i), &w) / best[i];
            assert_close(share, 1.0 - (1.0 - rate * values[i]).powi(k), 1e-9);
            if k >= 10 {
                let penalty = 1.0 / (rate * f64::from(k));
                assert_close(share, values[i] / (values[i] + penalty), 0.25);
            }
            if share > 0.9 && reached[i].is_none() {
                reached[i] = Some(k);
            }
        }
    }
    assert!(reached.iter().all(Option::is_some), "{reached:?}");
    assert!(reached.is_sorted_by(|slower, quicker| slower > quicker), "{reached:?}");
}

/// The Laplacian of a grid of `rows` by `columns` pixels, each joined with its neighbours.
fn laplacian(rows: usize, columns: usize) -> Vec<Vec<f64>> {
    let n = rows * columns;
    let mut a = vec![vec![0.0; n]; n];
    let mut join = |i: usize, j: usize| {
        (a[i][i], a[j][j]) = (a[i][i] + 1.0, a[j][j] + 1.0);
        (a[i][j], a[j][i]) = (-1.0, -1.0);
    };
    for r in 0..rows {
        for c in 0..columns {
            if c + 1 < columns {
                join(r * columns + c, r * columns + c + 1);
            }
            if r + 1 < rows {
                join(r * columns + c, (r + 1) * columns + c);
            }
        }
    }
    a
}

#[test]
fn the_larger_a_picture_the_slower_its_colours_spread() {
    let table = [(1, 8, 25.27), (1, 16, 103.09), (1, 32, 414.35), (8, 8, 50.55), (16, 16, 206.17)];
    for (rows, columns, want) in table {
        let (values, _) = eigen(laplacian(rows, columns));
        assert_close(values[0], 0.0, 1e-12);
        assert_close(values[values.len() - 1] / values[1], want, 5e-3);
    }
}

#[test]
fn momentum_meets_the_lower_bound_of_all_first_order_methods() {
    let (n, condition) = (400, 100.0);
    let bend = 4.0 / (condition - 1.0);
    let q = (f64::sqrt(condition) - 1.0) / (f64::sqrt(condition) + 1.0);
    let (low, high) = (bend.sqrt(), (4.0 + bend).sqrt());
    let (rate, beta) = ((2.0 / (low + high)).powi(2), ((high - low) / (high + low)).powi(2));
    let mut descent = Descent::new(rate, Sgd::momentum(beta), &vec![0.0; n]);
    let table = [(10, 0.109989), (25, 5.4212e-3), (50, 3.5920e-5)];
    for k in 0..=50 {
        if k > 0 {
            let w = descent.w.to_vec();
            let at = |i: usize| w.get(i).copied().unwrap_or(0.0);
            let slope = |i: usize| {
                let before = if i == 0 { 1.0 } else { at(i - 1) };
                (2.0 + bend) * at(i) - before - at(i + 1)
            };
            let gradient: Vec<f64> = (0..n).map(slope).collect();
            descent.step(&gradient);
        }
        let errors = descent.w.iter().enumerate().map(|(i, w)| (w - q.powi(i as i32 + 1)).abs());
        let error = errors.fold(0.0, f64::max);
        // No news has come to weight k + 1 yet.
        assert!(error >= q.powi(k + 1) * (1.0 - 1e-12), "step {k}");
        if let Some((_, want)) = table.iter().find(|(step, _)| *step == k) {
            assert_close(q.powi(k + 1), *want, 1e-4 * want);
            assert_close(error, *want, 1e-4 * want);
        }
    }
}
