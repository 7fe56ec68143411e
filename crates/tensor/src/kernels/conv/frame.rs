//! Planes with zeros around them.

use crate::Element;
use crate::kernels::gemm::Vector;
use crate::parallel::split_units;
use crate::storage::Buffer;

/// A plane of zeros into which a plane is copied.
#[derive(Clone, Copy)]
pub struct Frame {
    /// Height and width.
    pub size: [usize; 2],
    /// Where the first element goes; what falls outside is cut off.
    pub first: [isize; 2],
}

impl Frame {
    /// Its elements.
    pub fn area(&self) -> usize {
        self.size[0] * self.size[1]
    }

    /// Whether it adds nothing to planes of this size.
    fn is_bare(&self, plane: [usize; 2]) -> bool {
        self.size == plane && self.first == [0, 0]
    }

    /// Copies planes of `plane` (height, width) line by line into frames, whose other elements are zero already.
    #[inline(always)]
    fn fill<T: Element>(
        &self,
        planes: &[T],
        plane: [usize; 2],
        out: &mut [T],
        copy: impl Fn(&[T], &mut [T]),
    ) {
        // Along each axis: the first place in the frame, the first element that goes there, and how many are inside.
        let [(row, top, rows), (column, left, columns)] = [0, 1].map(|d| {
            let (place, skipped) = (self.first[d].max(0) as usize, (-self.first[d]).max(0) as usize);
            let inside = self.size[d].saturating_sub(place).min(plane[d].saturating_sub(skipped));
            (place, skipped, inside)
        });
        if columns == 0 {
            return;
        }
        for (from, out) in planes.chunks_exact(plane[0] * plane[1]).zip(out.chunks_exact_mut(self.area())) {
            let lines = from.chunks_exact(plane[1]).skip(top);
            let places = out.chunks_exact_mut(self.size[1]).skip(row);
            for (line, out) in lines.zip(places).take(rows) {
                copy(&line[left..left + columns], &mut out[column..column + columns]);
            }
        }
    }
}

/// Planes in their frames: the planes themselves if the frame is bare, else copies in a buffer that is made once.
pub struct Framed<T: Element> {
    /// The frame.
    pub frame: Frame,
    plane: [usize; 2],
    buffer: Option<Buffer<T>>,
}

impl<T: Element> Framed<T> {
    /// Room for this many planes.
    pub fn new(frame: Frame, plane: [usize; 2], planes: usize) -> Self {
        let bare = frame.is_bare(plane);
        let buffer = (!bare).then(|| Buffer::filled(planes * frame.area(), T::ZERO));
        Framed { frame, plane, buffer }
    }

    /// The planes in their frames, on several threads if they are large.
    pub fn of<'a>(&'a mut self, planes: &'a [T]) -> &'a [T] {
        let Framed { frame, plane, buffer: Some(buffer) } = self else { return planes };
        let work = buffer.len();
        split_units(buffer, frame.area(), work, |range, frames| {
            let area = plane[0] * plane[1];
            let planes = &planes[range.start * area..range.end * area];
            frame.fill(planes, *plane, frames, |from, to| to.copy_from_slice(from));
        });
        buffer
    }

    /// The same, for a kernel that runs on one thread: it copies with the kernel's vectors, as a call of `memcpy` for each short line would cost
    /// more than the copy.
    #[inline(always)]
    pub fn of_vectors<'a, V: Vector<Elem = T>>(&'a mut self, planes: &'a [T]) -> &'a [T] {
        let Framed { frame, plane, buffer: Some(buffer) } = self else { return planes };
        frame.fill(
            planes,
            *plane,
            buffer,
            #[inline(always)]
            |from, to| copy::<V>(from, to),
        );
        buffer
    }
}

/// Copies a line.
#[inline(always)]
pub fn copy<V: Vector>(from: &[V::Elem], to: &mut [V::Elem]) {
    let n = to.len();
    let from = &from[..n];
    let whole = n / V::LANES * V::LANES;
    // SAFETY: both have `n` elements.
    unsafe {
        for at in (0..whole).step_by(V::LANES) {
            V::load(from.as_ptr().add(at)).store(to.as_mut_ptr().add(at));
        }
        if whole < n {
            V::load_part(from.as_ptr().add(whole), n - whole)
                .store_part(to.as_mut_ptr().add(whole), n - whole);
        }
    }
}
