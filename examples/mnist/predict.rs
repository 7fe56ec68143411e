//! A drawing is read: made like the images that the model was trained on, and shown to it.

use ravine::data::{Picture, Pictures};
use ravine::prelude::*;

/// The probability of each class for a picture.
pub fn predict(model: &dyn Layer, data: &dyn Pictures, picture: &Picture) -> Vec<f32> {
    let tape = Tape::eval();
    let x = data.normalization().tensor(picture.shape(), &[picture.bytes()]);
    model.forward(&tape.input(x)).softmax().value().to_vec()
}

/// A drawing, dark on light or light on dark, of any size and anywhere on its ground, as MNIST would have it: white on black, the longer side 20 pixels
/// of 28, its centre of mass in the middle. `None` if there is nothing on the ground.
pub fn as_mnist(drawing: &Picture, [height, width]: [usize; 2]) -> Option<Picture> {
    let ink = crop(&ink(drawing)?);
    let [_, rows, columns] = ink.shape();
    let fit = (height.min(width) * 5 / 7).max(1);
    let scaled = |side: usize| (side * fit).div_ceil(rows.max(columns)).max(1);
    let mut small = ink.resize([scaled(rows), scaled(columns)]);
    // Thin lines got faint.
    let brightest = *small.bytes().iter().max()?;
    stretch(small.bytes_mut(), 0, brightest);
    let [down, right] = centre(&small);
    let at = [down - (height as f64 - 1.0) / 2.0, right - (width as f64 - 1.0) / 2.0];
    Some(small.window(at.map(|place| place.round() as isize), [height, width], 0))
}

/// How much is drawn at each pixel: 0 on the ground, which is what most of the border shows.
fn ink(drawing: &Picture) -> Option<Picture> {
    let [_, height, width] = drawing.shape();
    let on_border = |i: &usize| {
        let (row, column) = (i / width, i % width);
        row == 0 || row + 1 == height || column == 0 || column + 1 == width
    };
    let mut border: Vec<u8> = (0..height * width).filter(on_border).map(|i| drawing.bytes()[i]).collect();
    border.sort_unstable();
    let mut ground = border[border.len() / 2];
    let mut ink = drawing.clone();
    if ground > 127 {
        ink.bytes_mut().iter_mut().for_each(|byte| *byte = 255 - *byte);
        ground = 255 - ground;
    }
    let brightest = *ink.bytes().iter().max()?;
    if brightest < ground.saturating_add(32) {
        return None;
    }
    stretch(ink.bytes_mut(), ground, brightest);
    Some(ink)
}

/// Makes `from` 0 and `to` 255.
fn stretch(bytes: &mut [u8], from: u8, to: u8) {
    let range = f32::from(to - from).max(1.0);
    for byte in bytes {
        *byte = (f32::from(byte.saturating_sub(from)) * 255.0 / range).round().min(255.0) as u8;
    }
}

/// The smallest part with all that is drawn.
fn crop(ink: &Picture) -> Picture {
    let [_, height, width] = ink.shape();
    let drawn = |row: usize, column: usize| ink.at(0, row, column) > 32;
    let extent = |n: usize, any: &dyn Fn(usize) -> bool| {
        let (first, last) = ((0..n).find(|&i| any(i)), (0..n).rev().find(|&i| any(i)));
        (first.unwrap_or(0), last.unwrap_or(n - 1) + 1)
    };
    let (top, bottom) = extent(height, &|row| (0..width).any(|column| drawn(row, column)));
    let (left, right) = extent(width, &|column| (0..height).any(|row| drawn(row, column)));
    ink.window([top as isize, left as isize], [bottom - top, right - left], 0)
}

/// The centre of mass: row and column.
fn centre(ink: &Picture) -> [f64; 2] {
    let width = ink.shape()[2];
    let (mut mass, mut down, mut right) = (0.0, 0.0, 0.0);
    for (i, &byte) in ink.bytes().iter().enumerate() {
        mass += f64::from(byte);
        down += f64::from(byte) * (i / width) as f64;
        right += f64::from(byte) * (i % width) as f64;
    }
    [down / mass, right / mass]
}
