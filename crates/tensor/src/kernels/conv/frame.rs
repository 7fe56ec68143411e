//! Planes with zeros around and between their elements.

use crate::Float;
use crate::storage::Buffer;

/// A larger plane of zeros into which a plane is copied, spread out.
pub struct Frame {
    /// Height and width.
    pub size: [usize; 2],
    /// The distance between neighbours, down and right.
    pub spread: [usize; 2],
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
        self.size == plane && self.spread == [1, 1] && self.first == [0, 0]
    }

    /// The place of element `i` along axis `d`, if it is inside.
    fn place(&self, d: usize, i: usize) -> Option<usize> {
        let at = usize::try_from(self.first[d] + (i * self.spread[d]) as isize).ok()?;
        (at < self.size[d]).then_some(at)
    }

    /// Copies planes of `plane` (height, width) into frames, whose other elements are zero already.
    fn fill<T: Float>(&self, planes: &[T], plane: [usize; 2], out: &mut [T]) {
        for (from, out) in planes.chunks_exact(plane[0] * plane[1]).zip(out.chunks_exact_mut(self.area())) {
            for (i, line) in from.chunks_exact(plane[1]).enumerate() {
                let Some(row) = self.place(0, i) else { continue };
                let out = &mut out[row * self.size[1]..][..self.size[1]];
                match self.place(1, 0) {
                    Some(at) if self.spread[1] == 1 && at + line.len() <= out.len() => {
                        out[at..at + line.len()].copy_from_slice(line);
                    }
                    _ => {
                        for (j, &x) in line.iter().enumerate() {
                            if let Some(at) = self.place(1, j) {
                                out[at] = x;
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Planes in their frames: the planes themselves if the frame is bare, else copies in a buffer that is made once.
pub struct Framed<T: Float> {
    /// The frame.
    pub frame: Frame,
    plane: [usize; 2],
    buffer: Option<Buffer<T>>,
}

impl<T: Float> Framed<T> {
    /// Room for this many planes.
    pub fn new(frame: Frame, plane: [usize; 2], planes: usize) -> Self {
        let bare = frame.is_bare(plane);
        let buffer = (!bare).then(|| Buffer::filled(planes * frame.area(), T::ZERO));
        Framed { frame, plane, buffer }
    }

    /// The planes in their frames.
    pub fn of<'a>(&'a mut self, planes: &'a [T]) -> &'a [T] {
        match &mut self.buffer {
            None => planes,
            Some(buffer) => {
                self.frame.fill(planes, self.plane, buffer);
                buffer
            }
        }
    }
}
