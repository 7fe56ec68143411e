//! Positions in a file at which rows begin.

/// The positions of rows at even distances. However long the file, there are at most [`MOST`](Self::MOST).
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Marks {
    /// How many rows lie between two of them.
    every: u64,
    /// Of the rows `every`, `2 every`, `3 every`, ... the byte at which to look for it.
    places: Vec<u64>,
}

impl Marks {
    const MOST: usize = 256;

    pub fn new() -> Self {
        Marks { every: 256, places: Vec::new() }
    }

    /// Notes where a row begins.
    pub fn note(&mut self, row: u64, byte: u64) {
        if row != (self.places.len() as u64 + 1) * self.every {
            return;
        }
        self.places.push(byte);
        if self.places.len() == Self::MOST {
            self.places = self.places.iter().skip(1).step_by(2).copied().collect();
            self.every *= 2;
        }
    }

    /// The last marked row up to `row`, and its position.
    pub fn before(&self, row: u64) -> Option<(u64, u64)> {
        let mark = self.places.len().min((row / self.every) as usize);
        Some((mark as u64 * self.every, *self.places.get(mark.checked_sub(1)?)?))
    }

    /// All of them in numbers, with the length of the file that they are of.
    pub fn numbers(&self, length: u64) -> Vec<u64> {
        [length, self.every].into_iter().chain(self.places.iter().copied()).collect()
    }

    /// The inverse of [`numbers`](Self::numbers), if the numbers are valid for a file of this length.
    pub fn from_numbers(numbers: &[u64], length: u64) -> Option<Self> {
        let [of, every, places @ ..] = numbers else { return None };
        let ascending = places.is_sorted_by(|a, b| a < b) && places.last().is_none_or(|last| *last < length);
        (*of == length && *every > 0 && ascending).then(|| Marks { every: *every, places: places.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_stay_few_and_lead_close_to_a_row() {
        let mut marks = Marks::new();
        for row in 0..1_000_000 {
            marks.note(row, 10 * row);
        }
        assert!(
            marks.places.len() < Marks::MOST && marks.every == 4096,
            "{} {}",
            marks.places.len(),
            marks.every
        );
        assert_eq!(marks.before(4095), None);
        for row in [4096, 4097, 500_000, 999_999, 2_000_000] {
            let (at, byte) = marks.before(row).unwrap();
            assert!(at <= row && byte == 10 * at && (row > 999_999 || row - at < 4096));
        }
        let numbers = marks.numbers(10_000_000);
        assert_eq!(Marks::from_numbers(&numbers, 10_000_000), Some(marks));
        assert_eq!(Marks::from_numbers(&numbers, 10_000_001), None, "another file");
        for broken in [&[][..], &[5], &[5, 0], &[5, 1, 3, 2], &[5, 1, 5]] {
            assert_eq!(Marks::from_numbers(broken, 5), None);
        }
    }
}
