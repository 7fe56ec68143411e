//! Matrices with a structure: orthogonal, identity, sparse.

use ravine_tensor::{Rng, Shape, Tensor};

/// Rows of the matrix that are made orthogonal one by one, after the rows before them were taken out of all of them at once.
const BLOCK: usize = 32;

/// `gain` times an orthogonal matrix, every one equally likely: the rows of a wide one and the columns of a tall one are orthonormal.
///
/// Axes behind the first count as one. It is the Q of a Gaussian matrix, by Gram-Schmidt in `f64`, done twice. Saxe, McClelland and Ganguli
/// 2014, 'Exact solutions to the nonlinear dynamics of learning in deep linear neural networks'.
///
/// # Panics
/// If the shape has fewer than two axes.
#[track_caller]
pub fn orthogonal(shape: impl Into<Shape>, gain: f64, rng: &mut Rng) -> Tensor {
    let shape = shape.into();
    assert!(shape.rank() >= 2, "orthogonal: shape {shape}; expected at least two axes");
    let (rows, columns) = (shape[0], shape[1..].iter().product());
    let (short, long) = if rows <= columns { (rows, columns) } else { (columns, rows) };
    let q = orthonormal_rows(Tensor::randn([short, long], rng)) * gain;
    let q = if rows <= columns { q } else { q.t() };
    q.cast::<f32>().reshape(shape)
}

fn orthonormal_rows(x: Tensor<f64>) -> Tensor<f64> {
    let (rows, columns) = (x.size(0), x.size(1));
    let mut done: Tensor<f64> = Tensor::zeros([0, columns]);
    for start in (0..rows).step_by(BLOCK) {
        let mut block = x.narrow(0, start, BLOCK.min(rows - start));
        for _ in 0..2 {
            block = &block - &block.matmul(&done.t()).matmul(&done);
        }
        for i in 0..block.size(0) {
            let (before, rest) = block.as_mut_slice().split_at_mut(i * columns);
            let row = &mut rest[..columns];
            for _ in 0..2 {
                for other in before.chunks_exact(columns) {
                    let along: f64 = row.iter().zip(other).map(|(a, b)| a * b).sum();
                    row.iter_mut().zip(other).for_each(|(a, b)| *a -= along * b);
                }
            }
            let length = row.iter().map(|a| a * a).sum::<f64>().sqrt();
            debug_assert!(length > 0.0, "Gaussian rows, no more than their dimensions, are independent");
            row.iter_mut().for_each(|a| *a /= length);
        }
        done = Tensor::cat(&[&done, &block], 0);
    }
    done
}

/// The identity, as far as the shape goes: `y = x` for as many features as both sides have.
///
/// # Panics
/// If the shape has not two axes.
#[track_caller]
pub fn eye(shape: impl Into<Shape>) -> Tensor {
    let shape = shape.into();
    assert!(shape.rank() == 2, "eye: shape {shape}; expected two axes");
    Tensor::from_fn(shape, |i| if i / shape[1] == i % shape[1] { 1.0 } else { 0.0 })
}

/// The identity of a convolution `[out, in / groups, ...]` with odd windows and enough padding: 1 in the middle of the window from each channel
/// to itself, within its group.
///
/// # Panics
/// If the shape has fewer than three axes, or the groups do not divide its first size.
#[track_caller]
pub fn dirac(shape: impl Into<Shape>, groups: usize) -> Tensor {
    let shape = shape.into();
    assert!(shape.rank() >= 3, "dirac: shape {shape}; expected [out, in / groups, ...] with a window");
    let (out, into) = (shape[0], shape[1]);
    assert!(
        groups > 0 && out.is_multiple_of(groups),
        "dirac: groups is {groups}; expected a divisor of the output channels, which are {out}"
    );
    let window: usize = shape[2..].iter().product();
    let middle = shape[2..].iter().fold(0, |at, &size| at * size + size / 2);
    let mut y = Tensor::zeros(shape);
    let values = y.as_mut_slice();
    for channel in (0..out).filter(|channel| channel % (out / groups) < into) {
        values[(channel * into + channel % (out / groups)) * window + middle] = 1.0;
    }
    y
}

/// Normal with deviation `std`, but for `sparsity` of each column, rounded up, which is 0. Martens 2010, 'Deep learning via Hessian-free
/// optimization'.
///
/// # Panics
/// If the shape has not two axes, `sparsity` is not in `0 <= sparsity <= 1`, or `std` is negative.
#[track_caller]
pub fn sparse(shape: impl Into<Shape>, sparsity: f64, std: f64, rng: &mut Rng) -> Tensor {
    let shape = shape.into();
    assert!(shape.rank() == 2, "sparse: shape {shape}; expected two axes");
    assert!((0.0..=1.0).contains(&sparsity), "sparse: sparsity is {sparsity}; expected 0 to 1");
    let (rows, columns) = (shape[0], shape[1]);
    let zeros = (sparsity * rows as f64).ceil() as usize;
    let mut y = Tensor::normal(shape, 0.0, std as f32, rng);
    let values = y.as_mut_slice();
    for column in 0..columns {
        for row in Tensor::randperm(rows, rng).iter().take(zeros) {
            values[row as usize * columns + column] = 0.0;
        }
    }
    y
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orthogonal_is() {
        let rng = &mut Rng::new(2);
        for shape in
            [vec![3, 3], vec![5, 70], vec![70, 5], vec![100, 100], vec![8, 4, 3, 3], vec![1, 7], vec![0, 3]]
        {
            let w = orthogonal(&shape[..], 2.0, rng)
                .reshape([shape[0] as isize, shape[1..].iter().product::<usize>() as isize]);
            let (rows, columns) = (w.size(0), w.size(1));
            let gram = if rows <= columns { w.matmul(&w.t()) } else { w.t().matmul(&w) };
            let off = &gram - &(Tensor::eye(rows.min(columns)) * 4.0);
            assert!(off.iter().all(|d| d.abs() < 5e-6), "{shape:?}: {off:?}");
        }
    }

    /// Of rotations of the plane, every angle is equally likely, and half of the matrices are reflections.
    #[test]
    fn no_direction_is_preferred() {
        let rng = &mut Rng::new(3);
        let (mut quadrants, mut reflections) = ([0; 4], 0);
        for _ in 0..4000 {
            let q = orthogonal([2, 2], 1.0, rng).to_vec();
            quadrants[usize::from(q[0] > 0.0) + 2 * usize::from(q[1] > 0.0)] += 1;
            reflections += usize::from(q[0] * q[3] - q[1] * q[2] < 0.0);
        }
        assert!(quadrants.iter().all(|&n| (870..1130).contains(&n)), "{quadrants:?}");
        assert!((1840..2160).contains(&reflections), "{reflections}");
    }

    #[test]
    fn identities_give_back_their_input() {
        assert_eq!(eye([2, 3]).to_vec(), [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
        let x: Tensor = Tensor::randn([2, 4, 5, 6], &mut Rng::new(4));
        for groups in [1, 2] {
            let w = dirac([4, 4 / groups, 3, 3], groups);
            let options = ravine_tensor::ConvOptions { padding: [1, 1], groups, ..Default::default() };
            assert_eq!(x.conv2d(&w, None, &options), x, "{groups} groups");
        }
        let more = dirac([4, 2, 3], 1);
        assert_eq!((more.sum(..).item(), more.at([1, 1, 1])), (2.0, 1.0));
    }

    #[test]
    fn sparse_has_its_zeros() {
        let w = sparse([10, 50], 0.25, 0.1, &mut Rng::new(6));
        for column in 0..50 {
            assert_eq!(w.index(1, column).count(|v| v == 0.0), 3, "column {column}");
        }
        assert!((w.square().sum(..).item() / 350.0 / 0.01 - 1.0).abs() < 0.3);
    }

    #[test]
    #[should_panic(expected = "dirac: groups is 3; expected a divisor of the output channels, which are 4")]
    fn groups_divide() {
        let _ = dirac([4, 4, 3], 3);
    }
}
