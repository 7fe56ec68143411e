//! SHA-256 digests of models and texts, in hexadecimal.

use std::fmt::Write as _;

use ravine_autograd::{Module, Visitor};
use ravine_tensor::Tensor;
use sha2::{Digest, Sha256};

/// The SHA-256 digest, in hexadecimal, of the paths, shapes and bits of all parameters and buffers, in the order of the model's fields.
///
/// Two models have the same hash if every number in them has the same bits.
pub fn weights_hash(model: &(impl Module + ?Sized)) -> String {
    let mut weights = Weights::default();
    model.visit(&mut Visitor::new(&mut |path, leaf| weights.add(path, &leaf.value())));
    weights.finish()
}

/// A digest of weights, one tensor after the other.
#[derive(Default)]
pub(crate) struct Weights {
    digest: Sha256,
}

impl Weights {
    pub fn add(&mut self, path: &str, value: &Tensor) {
        let (shape, value) = (value.shape(), value.contiguous());
        let values = value.as_slice().expect("contiguous, as just made");
        self.digest.update((path.len() as u64).to_le_bytes());
        self.digest.update(path);
        self.digest.update((shape.len() as u64).to_le_bytes());
        shape.iter().for_each(|&n| self.digest.update((n as u64).to_le_bytes()));
        // Blocks of numbers: the digest is slow on single ones.
        let mut bytes = [0; 4096];
        for chunk in values.chunks(bytes.len() / 4) {
            for (target, x) in bytes.chunks_exact_mut(4).zip(chunk) {
                target.copy_from_slice(&x.to_bits().to_le_bytes());
            }
            self.digest.update(&bytes[..chunk.len() * 4]);
        }
    }

    pub fn finish(self) -> String {
        hexadecimal(&self.digest.finalize())
    }
}

/// The SHA-256 digest of a text.
pub(crate) fn text_hash(text: &str) -> String {
    hexadecimal(&Sha256::digest(text))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use ravine_autograd::{Buffer, Param};
    use ravine_tensor::Tensor;

    use super::*;

    #[test]
    fn every_bit_counts() {
        let model = (Param::new(Tensor::from([[1.0, 2.0]])), Buffer::new(Tensor::from([0.0])));
        let hash = weights_hash(&model);
        assert_eq!(hash.len(), 64);
        assert_eq!(weights_hash(&model.clone()), hash);
        model.1.set(Tensor::from([-0.0]));
        let negative_zero = weights_hash(&model);
        assert_ne!(negative_zero, hash);
        let reshaped = (Param::new(Tensor::from([1.0, 2.0])), model.1.clone());
        assert_ne!(weights_hash(&reshaped), negative_zero);
        let long: Tensor = Tensor::from_fn([5000], |i| i as f32);
        let changed: Tensor = Tensor::from_fn([5000], |i| if i == 4999 { 0.0 } else { i as f32 });
        assert_ne!(weights_hash(&Param::new(long)), weights_hash(&Param::new(changed)));
    }
}
