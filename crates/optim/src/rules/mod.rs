//! The rules, each with its formula and its source.

mod adam;
#[cfg(test)]
mod pytorch;
mod sgd;

pub use adam::{Adam, AdamW};
pub use sgd::Sgd;

/// `xⁿ`, by squaring: quicker than the general power, and the same bits on every machine.
fn power(x: f64, n: u64) -> f64 {
    let (mut result, mut square, mut rest) = (1.0, x, n);
    while rest > 0 {
        if rest & 1 == 1 {
            result *= square;
        }
        square *= square;
        rest >>= 1;
    }
    result
}
