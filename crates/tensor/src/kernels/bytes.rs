//! Looking up bytes in a table, which converts the pixels of images to numbers.

use super::simd::{Readers, prefetch};
use crate::Element;

/// Bytes that a cache reads at once, and that are looked up at once.
const LINE: usize = 64;

/// A table of one number for each byte.
pub struct ByteTable<'a, T> {
    numbers: &'a [T; 256],
    #[cfg(target_arch = "x86_64")]
    registers: Option<x86::Registers>,
}

impl<'a, T: Element> ByteTable<'a, T> {
    pub fn new(numbers: &'a [T; 256]) -> Self {
        ByteTable {
            numbers,
            #[cfg(target_arch = "x86_64")]
            registers: x86::Registers::new(numbers),
        }
    }

    /// Looks up the bytes of `row`, and prefetches those of `later`, which is as long. If [all](Readers::All) threads are to read the numbers,
    /// a [`settle`](super::simd::settle) must follow the last row.
    pub fn look_up(&self, row: &[u8], later: &[u8], out: &mut [T], readers: Readers) {
        #[cfg(target_arch = "x86_64")]
        if let (Some(registers), Some(last)) = (&self.registers, row.len().checked_sub(LINE)) {
            // The last block overlaps the one before it, so that it is full.
            for at in (0..last).step_by(LINE).chain([last]) {
                prefetch(&later[at..=at]);
                let line = row[at..].first_chunk().expect("at most the last line");
                registers.look_up(line, &mut out[at..at + LINE], readers);
            }
            return;
        }
        for ((row, later), out) in row.chunks(LINE).zip(later.chunks(LINE)).zip(out.chunks_mut(LINE)) {
            prefetch(later);
            out.iter_mut().zip(row).for_each(|(out, &byte)| *out = self.numbers[usize::from(byte)]);
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::LINE;
    use crate::Element;
    use crate::kernels::simd::Readers;

    /// A table of numbers of four bytes in 16 vector registers: for each of the four, that of all 256 numbers.
    ///
    /// An instruction looks 64 bytes up in two registers. So a line takes eight of them, and eight more to bring the four bytes of each number
    /// together: a third of the time that 64 loads take.
    pub struct Registers([[__m512i; 4]; 4]);

    impl Registers {
        /// The table, if the numbers have four bytes and the processor can look bytes up.
        pub fn new<T: Element>(numbers: &[T; 256]) -> Option<Self> {
            if size_of::<T>() != 4
                || !is_x86_feature_detected!("avx512vbmi")
                || !is_x86_feature_detected!("avx512bw")
            {
                return None;
            }
            // SAFETY: the numbers have four bytes each, and none of them is padding.
            let numbers = unsafe { std::ptr::from_ref(numbers).cast::<[u32; 256]>().read_unaligned() };
            let mut bytes = [[0u8; 256]; 4];
            for (byte, bytes) in bytes.iter_mut().enumerate() {
                bytes.iter_mut().zip(&numbers).for_each(|(to, number)| *to = (number >> (8 * byte)) as u8);
            }
            // SAFETY: both are 1024 bytes, of which any are valid.
            Some(Registers(unsafe { std::mem::transmute::<[[u8; 256]; 4], [[__m512i; 4]; 4]>(bytes) }))
        }

        /// The numbers of a line of bytes.
        #[inline]
        pub fn look_up<T: Element>(&self, line: &[u8; LINE], out: &mut [T], readers: Readers) {
            assert!(out.len() == LINE && size_of::<T>() == 4, "a number of four bytes for each byte");
            let past = readers == Readers::All && out.as_ptr().addr().is_multiple_of(64);
            // SAFETY: `new` has found the instructions; `out` has room for 64 numbers of four bytes each, which are those of the table.
            unsafe { look_up(&self.0, line.as_ptr(), out.as_mut_ptr().cast(), past) }
        }
    }

    /// The numbers of a line of bytes, which may be written past the caches.
    ///
    /// # Safety
    /// `line` must be valid for 64 bytes and `out` for 64 numbers; for `past`, `out` must be a multiple of 64.
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    unsafe fn look_up(table: &[[__m512i; 4]; 4], line: *const u8, out: *mut i32, past: bool) {
        // The steps that bring bytes together work in each quarter of a register: so four bytes of each quarter of the line go into each.
        let order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
        // SAFETY: as promised by the caller.
        let line = _mm512_permutexvar_epi32(order, unsafe { _mm512_loadu_epi8(line.cast()) });
        let upper = _mm512_movepi8_mask(line);
        let [a, b, c, d] = [0, 1, 2, 3].map(|byte| {
            let [t0, t1, t2, t3] = table[byte];
            let (low, high) =
                (_mm512_permutex2var_epi8(t0, line, t1), _mm512_permutex2var_epi8(t2, line, t3));
            _mm512_mask_blend_epi8(upper, low, high)
        });
        let (ab, cd) = (_mm512_unpacklo_epi8(a, b), _mm512_unpacklo_epi8(c, d));
        let (later_ab, later_cd) = (_mm512_unpackhi_epi8(a, b), _mm512_unpackhi_epi8(c, d));
        let quarters = [
            _mm512_unpacklo_epi16(ab, cd),
            _mm512_unpackhi_epi16(ab, cd),
            _mm512_unpacklo_epi16(later_ab, later_cd),
            _mm512_unpackhi_epi16(later_ab, later_cd),
        ];
        for (i, quarter) in quarters.into_iter().enumerate() {
            // SAFETY: as promised by the caller.
            unsafe {
                let out = out.add(16 * i);
                if past {
                    _mm512_stream_si512(out.cast(), quarter)
                } else {
                    _mm512_storeu_epi32(out, quarter)
                }
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::Rng as _;

    use super::*;
    use crate::Rng;
    use crate::kernels::simd::settle;
    use crate::storage::Buffer;

    /// With every byte in every place of a line, and lengths that are no multiple of it.
    #[test]
    fn every_byte_becomes_its_number() {
        fn check<T: Element>(number: impl Fn(u64) -> T) {
            let rng = &mut Rng::new(0);
            let numbers: [T; 256] = std::array::from_fn(|_| number(rng.next_u64()));
            let table = ByteTable::new(&numbers);
            for length in [0, 1, 63, 64, 65, 784, 64 * 256] {
                let row: Vec<u8> = (0..length).map(|i| (i + i / 64) as u8).collect();
                let want: Vec<T> = row.iter().map(|&byte| numbers[usize::from(byte)]).collect();
                // Buffers of 2 KiB and more begin a line of the cache.
                let mut out = Buffer::filled(length.max(2048), T::ZERO);
                for readers in [Readers::Writer, Readers::All] {
                    out.fill(T::ZERO);
                    table.look_up(&row, &row, &mut out[..length], readers);
                    settle();
                    assert_eq!(out[..length], want, "{:?}, {length} bytes", T::DTYPE);
                }
            }
        }
        check(|bits| bits as i32);
        check(|bits| f32::from_bits((bits as u32) & !(1 << 30)));
        check(|bits| bits as f64);
        check(|bits| bits as u8);
    }
}
