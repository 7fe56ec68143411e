//! Bytes, such as the pixels of images, as numbers.

use crate::kernels::bytes::ByteTable;
use crate::kernels::simd::{Readers, prefetch, settle};
use crate::parallel::split_units;
use crate::{Element, Shape, Tensor};

impl<T: Element> Tensor<T> {
    /// A tensor of rows of bytes, in which each byte `b` becomes `table[b]`.
    ///
    /// The rows may lie far apart, as those of a shuffled batch do: memory is asked for four rows ahead, line by line.
    ///
    /// ```
    /// use ravine_tensor::Tensor;
    ///
    /// let table = std::array::from_fn(|byte| byte as f32 / 255.0);
    /// let images = Tensor::from_bytes([2, 1, 2], &[&[0, 255], &[51, 0]], &table);
    /// assert_eq!(images.to_vec(), [0.0, 1.0, 0.2, 0.0]);
    /// ```
    ///
    /// # Panics
    /// If the rows have not all the same length, or not as many bytes as the shape has elements.
    #[track_caller]
    pub fn from_bytes(shape: impl Into<Shape>, rows: &[&[u8]], table: &[T; 256]) -> Self {
        let shape = shape.into();
        let length = rows.first().map_or(0, |row| row.len());
        assert!(
            rows.iter().all(|row| row.len() == length) && rows.len() * length == shape.numel(),
            "from_bytes: {} rows of {length} bytes, if all are of one length, for the shape {shape}",
            rows.len()
        );
        let table = ByteTable::new(table);
        Tensor::build(shape, |out| {
            split_units(out, length, 2 * rows.len() * length, |range, out| {
                let readers = if range.len() < rows.len() { Readers::All } else { Readers::Writer };
                // Translating the address of a page takes as long as fetching a cache line, and several translations run at once.
                rows[range.clone()].iter().for_each(|row| prefetch(&row[..length.min(1)]));
                for (i, out) in range.zip(out.chunks_exact_mut(length.max(1))) {
                    table.look_up(rows[i], rows.get(i + 4).unwrap_or(&rows[i]), out, readers);
                }
                settle();
            });
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_rows_and_empty_rows() {
        let table = [1.5f32; 256];
        assert_eq!(Tensor::from_bytes([0, 4], &[], &table).numel(), 0);
        assert_eq!(Tensor::from_bytes([2, 0], &[&[], &[]], &table).numel(), 0);
        assert_eq!(Tensor::from_bytes([3, 1], &[&[1], &[2], &[3]], &table).to_vec(), [1.5; 3]);
    }

    #[test]
    #[should_panic(expected = "from_bytes: 2 rows of 2 bytes")]
    fn rows_of_different_length() {
        let _ = Tensor::from_bytes([2, 2], &[&[1, 2], &[3]], &[0.0f32; 256]);
    }
}
