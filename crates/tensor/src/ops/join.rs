//! Putting tensors together.

use crate::{Element, Shape, Tensor};

impl<T: Element> Tensor<T> {
    /// Tensors joined along an existing axis. All other sizes must agree.
    ///
    /// # Panics
    /// If there is none, or their shapes differ beside `axis`.
    #[track_caller]
    pub fn cat(parts: &[&Tensor<T>], axis: isize) -> Tensor<T> {
        let first = parts.first().unwrap_or_else(|| panic!("cat: there is nothing to join"));
        let at = first.shape().axis("cat", axis);
        for part in parts {
            let agrees = part.rank() == first.rank()
                && (0..first.rank()).all(|d| d == at || part.shape()[d] == first.shape()[d]);
            assert!(agrees, "cat: {} and {} differ beside axis {axis}", first.shape(), part.shape());
        }
        let mut shape = *first.shape();
        shape[at] = parts.iter().map(|part| part.shape()[at]).sum();
        let shape = Shape::new(&shape);
        let inner: usize = shape[at + 1..].iter().product();
        let row = shape[at] * inner;
        Tensor::build(shape, |out| {
            let mut begin = 0;
            for part in parts {
                let part = part.contiguous();
                let width = part.shape()[at] * inner;
                if width == 0 {
                    continue;
                }
                for (out, from) in out.chunks_exact_mut(row).zip(part.values().chunks_exact(width)) {
                    out[begin..begin + width].copy_from_slice(from);
                }
                begin += width;
            }
        })
    }

    /// Tensors of one shape joined along a new axis before `axis`.
    ///
    /// # Panics
    /// If there is none, or their shapes differ.
    #[track_caller]
    pub fn stack(parts: &[&Tensor<T>], axis: isize) -> Tensor<T> {
        for part in parts {
            let (a, b) = (parts[0].shape(), part.shape());
            assert!(a == b, "stack: shapes {a} and {b} differ");
        }
        let axis_from_start =
            if axis < 0 { axis + parts.first().map_or(0, |p| p.rank() as isize) + 1 } else { axis };
        let parts: Vec<Tensor<T>> = parts.iter().map(|part| part.unsqueeze(axis)).collect();
        Tensor::cat(&parts.iter().collect::<Vec<_>>(), axis_from_start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cat_and_split_are_inverse() {
        let x = Tensor::<i64>::arange(60).reshape([3, 4, 5]);
        for axis in [0, 1, 2, -1] {
            let parts = x.split(axis, 2);
            assert_eq!(Tensor::cat(&parts.iter().collect::<Vec<_>>(), axis), x, "axis {axis}");
        }
        assert_eq!(Tensor::cat(&[&x, &x.narrow(1, 0, 0)], 1), x);
    }

    #[test]
    fn stack_makes_an_axis() {
        let (a, b) = (Tensor::from([1, 2]), Tensor::from([3, 4]));
        assert_eq!(Tensor::stack(&[&a, &b], 0).to_vec(), [1, 2, 3, 4]);
        assert_eq!(Tensor::stack(&[&a, &b], -1).to_vec(), [1, 3, 2, 4]);
    }

    #[test]
    #[should_panic(expected = "cat: [2, 3] and [2, 4] differ beside axis 0")]
    fn parts_that_do_not_fit() {
        Tensor::cat(&[&Tensor::<f32>::zeros([2, 3]), &Tensor::zeros([2, 4])], 0);
    }
}
