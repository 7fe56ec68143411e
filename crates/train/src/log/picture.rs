//! Small pictures as PNG files in memory.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use ravine_autograd::Module;
use ravine_tensor::Tensor;

/// A picture of bytes: grey or red, green and blue.
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
    /// An image `[channels, height, width]` of 1 or 3 channels, from its lowest value (black) to its highest.
    pub fn of_image(image: &Tensor) -> Option<Self> {
        let &[channels @ (1 | 3), height, width] = &image.shape()[..] else { return None };
        let (low, high) =
            image.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
        let scale = if high > low { 255.0 / (high - low) } else { 0.0 };
        let values = image.permute([1, 2, 0]);
        let bytes = values.iter().map(|x| ((x - low) * scale).round() as u8).collect();
        Some(Picture { width, height, channels, bytes })
    }

    /// Weights `[height, width]`: blue below zero, white at zero, red above.
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

    /// It as a PNG file.
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

/// The most filters that are drawn.
const MOST: usize = 64;

/// The filters of a model's first layer, with the path of its weight: convolutions over images of 1 or 3 channels (drawn in colour if 3), or the
/// rows of a matrix whose inputs are the pixels of a square grey image.
pub(crate) fn filters(model: &dyn Module) -> Option<(String, Vec<Picture>)> {
    let (path, weight) = model.named_params().into_iter().find(|(_, param)| param.shape().len() >= 2)?;
    let weight = weight.value();
    let count = weight.size(0).min(MOST);
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
