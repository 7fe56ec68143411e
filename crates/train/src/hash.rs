//! A model's bits as one short text.

use std::fmt::Write;

use ravine_autograd::{Leaf, Module, Visitor};
use sha2::{Digest, Sha256};

/// The SHA-256 digest, in hexadecimal, of the paths, shapes and bits of all parameters and buffers, in the order of the model's fields.
///
/// Two models have the same hash if every number in them has the same bits.
pub fn weights_hash(model: &(impl Module + ?Sized)) -> String {
    let mut digest = Sha256::new();
    model.visit(&mut Visitor::new(&mut |path, leaf| {
        let value = match leaf {
            Leaf::Param(param) => param.value(),
            Leaf::Buffer(buffer) => buffer.value(),
        };
        digest.update((path.len() as u64).to_le_bytes());
        digest.update(path);
        digest.update((value.rank() as u64).to_le_bytes());
        value.shape().iter().for_each(|&n| digest.update((n as u64).to_le_bytes()));
        value.iter().for_each(|x| digest.update(x.to_bits().to_le_bytes()));
    }));
    digest.finalize().iter().fold(String::new(), |mut text, byte| {
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
    }
}
