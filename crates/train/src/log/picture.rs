//! Pictures as PNG files in memory.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use ravine_autograd::Module;
use ravine_tensor::Tensor;

/// Images `[n, channels, height, width]` of 1 or 3 channels side by side, as a PNG file: `columns` in a row, with a grey line between them.
///
/// Values from 0 (black) to 1 (white) are shown, others are clamped; each becomes a square of `zoom × zoom` pixels.
///
/// ```
/// use ravine_tensor::{Rng, Tensor};
/// use ravine_train::png_grid;
///
/// let noise = Tensor::uniform([6, 1, 28, 28], 0.0, 1.0, &mut Rng::new(0));
/// let png = png_grid(&noise, 3, 2);
/// assert!(png.starts_with(b"\x89PNG"));
/// ```
///
/// # Panics
/// If `images` has another shape, or `columns` or `zoom` is 0.
#[track_caller]
pub fn png_grid(images: &Tensor, columns: usize, zoom: usize) -> Vec<u8> {
    Picture::grid(images, columns, zoom).png()
}

/// A picture with a byte per channel: grey, or red, green and blue.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Picture {
    pub width: usize,
    pub height: usize,
    /// 1 or 3.
    channels: usize,
    /// Row by row, the channels of a pixel side by side.
    bytes: Vec<u8>,
}

impl Picture {
    /// See [`png_grid`].
    #[track_caller]
    pub fn grid(images: &Tensor, columns: usize, zoom: usize) -> Self {
        let &[n, channels @ (1 | 3), height, width] = &images.shape()[..] else {
            panic!(
                "png_grid: images of shape {}; expected [n, channels, height, width] with 1 or 3 channels",
                images.shape()
            );
        };
        assert!(columns > 0 && zoom > 0, "png_grid: columns {columns}, zoom {zoom}; expected at least 1");
        const LINE: u8 = 96;
        let cell = [height + 1, width + 1];
        let (rows, columns) = (n.div_ceil(columns), columns.min(n.max(1)));
        // Each image has a line at its top and left; the last ones get theirs at the other sides.
        let size = [rows * cell[0] + 1, columns * cell[1] + 1];
        let values: Vec<f32> = images.to_vec();
        let value = |y: usize, x: usize, channel: usize| {
            let (image, inside) = (y / cell[0] * columns + x / cell[1], [y % cell[0], x % cell[1]]);
            if image >= n || x / cell[1] >= columns || inside.contains(&0) {
                return LINE;
            }
            let at = ((image * channels + channel) * height + inside[0] - 1) * width + inside[1] - 1;
            (values[at].clamp(0.0, 1.0) * 255.0).round() as u8
        };
        let mut bytes = Vec::with_capacity(size[0] * size[1] * channels * zoom * zoom);
        for (y, x) in (0..size[0] * zoom).flat_map(|y| (0..size[1] * zoom).map(move |x| (y, x))) {
            bytes.extend((0..channels).map(|channel| value(y / zoom, x / zoom, channel)));
        }
        Picture { width: size[1] * zoom, height: size[0] * zoom, channels, bytes }
    }

    /// An image `[channels, height, width]` of 1 or 3 channels, from its lowest value (black) to its highest; `None` for other shapes.
    pub fn of_image(image: &Tensor) -> Option<Self> {
        let &[channels @ (1 | 3), height, width] = &image.shape()[..] else { return None };
        let (low, high) =
            image.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
        let scale = if high > low { 255.0 / (high - low) } else { 0.0 };
        let values = image.permute([1, 2, 0]);
        let bytes = values.iter().map(|x| ((x - low) * scale).round() as u8).collect();
        Some(Picture { width, height, channels, bytes })
    }

    /// Weights `[height, width]`: blue below zero, white at zero, red above; `None` for other shapes.
    pub fn of_weights(weights: &Tensor) -> Option<Self> {
        let &[height, width] = &weights.shape()[..] else { return None };
        let most = weights.iter().fold(f32::MIN_POSITIVE, |most, x| most.max(x.abs()));
        const BLUE: [f32; 3] = [33.0, 102.0, 172.0];
        const RED: [f32; 3] = [178.0, 24.0, 43.0];
        let pixel = |x: f32| {
            let (end, share) = (if x < 0.0 { BLUE } else { RED }, (x / most).abs());
            end.map(|channel| (255.0 + (channel - 255.0) * share).round() as u8)
        };
        Some(Picture { width, height, channels: 3, bytes: weights.iter().flat_map(pixel).collect() })
    }

    /// The number of channels.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// The picture as a PNG file.
    pub fn png(&self) -> Vec<u8> {
        let mut header = Vec::new();
        header.extend((self.width as u32).to_be_bytes());
        header.extend((self.height as u32).to_be_bytes());
        // 8 bits; grey or colour; deflate, no special filters, no interlacing.
        header.extend([8, if self.channels == 3 { 2 } else { 0 }, 0, 0, 0]);
        let mut pixels = ZlibEncoder::new(Vec::new(), Compression::best());
        for row in self.bytes.chunks((self.width * self.channels).max(1)) {
            // Each row begins with the number of its filter. Writing to memory does not fail.
            let _ = pixels.write_all(&[0]).and_then(|()| pixels.write_all(row));
        }
        let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
        for (kind, data) in
            [(b"IHDR", header), (b"IDAT", pixels.finish().unwrap_or_default()), (b"IEND", Vec::new())]
        {
            let body = [&kind[..], &data].concat();
            file.extend((data.len() as u32).to_be_bytes());
            file.extend(&body);
            file.extend(crc32fast::hash(&body).to_be_bytes());
        }
        file
    }
}

/// The largest number of filters that are drawn.
const MAX_FILTERS: usize = 64;

/// The filters of a model's first layer, with the path of its weight: convolutions over images of 1 or 3 channels (drawn in colour if 3), or the
/// rows of a matrix whose inputs are the pixels of a square grey image.
pub(crate) fn filters(model: &dyn Module) -> Option<(String, Vec<Picture>)> {
    let (path, weight) = model.named_params().into_iter().find(|(_, param)| param.shape().len() >= 2)?;
    let weight = weight.value();
    let count = weight.size(0).min(MAX_FILTERS);
    let draw: Box<dyn Fn(usize) -> Option<Picture>> = match weight.shape()[..] {
        [_, 1, height, width] if height * width > 1 => {
            Box::new(|i| Picture::of_weights(&weight.index(0, i).index(0, 0)))
        }
        [_, 3, height, width] if height * width > 1 => Box::new(|i| Picture::of_image(&weight.index(0, i))),
        [_, inputs] if inputs.isqrt().pow(2) == inputs && inputs >= 64 => {
            let side = inputs.isqrt();
            Box::new(move |i| Picture::of_weights(&weight.index(0, i).reshape([side, side])))
        }
        _ => return None,
    };
    Some((path, (0..count).map(draw).collect::<Option<_>>()?))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::ZlibDecoder;
    use ravine_autograd::Param;

    use super::*;

    #[test]
    fn a_png_holds_the_pixels() {
        let picture = Picture::of_image(&Tensor::from([[[0.0, 1.0, 0.5], [1.0, 0.0, 0.2]]])).unwrap();
        let png = picture.png();
        assert_eq!(&png[16..29], &[0, 0, 0, 3, 0, 0, 0, 2, 8, 0, 0, 0, 0]);
        let length = u32::from_be_bytes(png[33..37].try_into().unwrap()) as usize;
        let mut rows = Vec::new();
        ZlibDecoder::new(&png[41..41 + length]).read_to_end(&mut rows).unwrap();
        assert_eq!(rows, [0, 0, 255, 128, 0, 255, 0, 51]);
        assert!(png.ends_with(&[0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60, 0x82]));
    }

    #[test]
    fn a_grid_has_lines_between_its_images() {
        let images = Tensor::from([[[[0.0, 1.0]]], [[[0.2, 2.0]]], [[[-1.0, f32::NAN]]]]);
        let picture = Picture::grid(&images, 2, 1);
        assert_eq!((picture.width, picture.height), (7, 5));
        let rows: Vec<&[u8]> = picture.bytes.chunks(7).collect();
        assert_eq!(rows[1], [96, 0, 255, 96, 51, 255, 96]);
        assert_eq!(rows[3], [96, 0, 0, 96, 96, 96, 96]);
        assert!(rows.iter().step_by(2).all(|row| row == &[96; 7]));
        let large = Picture::grid(&images, 2, 3);
        assert_eq!((large.width, large.height, large.bytes.len()), (21, 15, 315));
    }

    #[test]
    fn weights_are_blue_and_red() {
        let picture = Picture::of_weights(&Tensor::from([[-2.0, 0.0, 2.0]])).unwrap();
        assert_eq!(picture.bytes, [33, 102, 172, 255, 255, 255, 178, 24, 43]);
    }

    #[test]
    fn first_layers_that_can_be_seen() {
        let drawn =
            |shape: &[usize]| filters(&Param::new(Tensor::zeros(shape))).map(|(_, drawn)| drawn.len());
        assert_eq!(drawn(&[6, 1, 5, 5]), Some(6));
        assert_eq!(drawn(&[100, 3, 3, 3]), Some(64));
        assert_eq!(drawn(&[10, 784]), Some(10));
        assert_eq!(drawn(&[10, 100]), Some(10));
        assert_eq!([drawn(&[10, 99]), drawn(&[8, 16, 3, 3]), drawn(&[4])], [None; 3]);
    }
}
