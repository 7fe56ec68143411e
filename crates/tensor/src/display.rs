//! Printing tensors the way NumPy does: nested brackets, aligned columns, an ellipsis inside what is long.

use std::fmt;

use crate::{Element, Tensor};

/// Tensors with more elements than this are abridged.
const ALL_UP_TO: usize = 1000;
/// How many entries an abridged axis shows at each end.
const EDGE: usize = 3;

impl<T: Element> fmt::Display for Tensor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let precision = f.precision().unwrap_or(4);
        let abridged = self.numel() > ALL_UP_TO;
        let mut index = vec![0; self.rank()];
        let mut width = 0;
        visit_shown(self, abridged, 0, &mut index, &mut |value| {
            width = width.max(text(value, precision).len())
        });
        write_axis(self, f, abridged, 0, &mut index, width, precision)
    }
}

impl<T: Element> fmt::Debug for Tensor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Tensor<{}> {}", T::DTYPE, self.shape())?;
        fmt::Display::fmt(self, f)
    }
}

/// Floats get `precision` digits after the point, or an exponent where that would hide them; the rest prints as it is.
fn text<T: Element>(value: T, precision: usize) -> String {
    if !T::DTYPE.is_float() {
        return value.to_string();
    }
    let plain = format!("{value:.precision$}");
    // `Element` promises `Display`, not `LowerExp`; the decimal text of a float is exact, so it can be read back.
    let exact: f64 = value.to_string().parse().unwrap_or(0.0);
    let hidden = exact.abs() < 0.1f64.powi(precision as i32) || exact.abs() >= 1e8;
    if hidden && exact != 0.0 && exact.is_finite() {
        return format!("{exact:.precision$e}");
    }
    plain
}

/// The indices shown along an axis of `size`; `None` is the ellipsis.
fn shown(size: usize, abridged: bool) -> Vec<Option<usize>> {
    if abridged && size > 2 * EDGE {
        (0..EDGE).map(Some).chain([None]).chain((size - EDGE..size).map(Some)).collect()
    } else {
        (0..size).map(Some).collect()
    }
}

fn visit_shown<T: Element>(
    t: &Tensor<T>,
    abridged: bool,
    axis: usize,
    index: &mut [usize],
    see: &mut impl FnMut(T),
) {
    if axis == t.rank() {
        return see(t.storage()[t.layout().place(index)]);
    }
    for i in shown(t.shape()[axis], abridged).into_iter().flatten() {
        index[axis] = i;
        visit_shown(t, abridged, axis + 1, index, see);
    }
}

fn write_axis<T: Element>(
    t: &Tensor<T>,
    f: &mut fmt::Formatter<'_>,
    abridged: bool,
    axis: usize,
    index: &mut [usize],
    width: usize,
    precision: usize,
) -> fmt::Result {
    if axis == t.rank() {
        return write!(f, "{:>width$}", text(t.storage()[t.layout().place(index)], precision));
    }
    let last = axis + 1 == t.rank();
    let separator = if last {
        ", ".to_string()
    } else {
        format!(",{}{}", "\n".repeat(t.rank() - axis - 1), " ".repeat(axis + 1))
    };
    f.write_str("[")?;
    for (i, at) in shown(t.shape()[axis], abridged).into_iter().enumerate() {
        if i > 0 {
            f.write_str(&separator)?;
        }
        match at {
            None => f.write_str("...")?,
            Some(at) => {
                index[axis] = at;
                write_axis(t, f, abridged, axis + 1, index, width, precision)?;
            }
        }
    }
    f.write_str("]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_tensors_print_whole() {
        assert_eq!(Tensor::scalar(3.0f32).to_string(), "3.0000");
        assert_eq!(Tensor::from([[1i32, -2], [30, 4]]).to_string(), "[[ 1, -2],\n [30,  4]]");
        assert_eq!(format!("{:.1}", Tensor::from([0.5f32, -10.25])), "[  0.5, -10.2]");
        assert_eq!(Tensor::from([true, false]).to_string(), "[ true, false]");
        assert_eq!(Tensor::<f32>::zeros([2, 0]).to_string(), "[[],\n []]");
        assert_eq!(Tensor::from([f32::NAN, f32::INFINITY]).to_string(), "[NaN, inf]");
    }

    #[test]
    fn tiny_and_huge_floats_keep_their_digits() {
        assert_eq!(Tensor::from([1.5e-7f32]).to_string(), "[1.5000e-7]");
        assert_eq!(Tensor::from([2.5e12f64]).to_string(), "[2.5000e12]");
    }

    #[test]
    fn long_tensors_are_abridged() {
        let text = Tensor::<i64>::arange(2000).to_string();
        assert_eq!(text, "[   0,    1,    2, ..., 1997, 1998, 1999]");
    }

    #[test]
    fn debug_names_type_and_shape() {
        assert_eq!(format!("{:?}", Tensor::from([1u8, 2])), "Tensor<u8> [2]\n[1, 2]");
    }
}
