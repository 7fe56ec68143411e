//! The two 16-bit floating-point formats, which files have and tensors have not.

/// The `f32` with the bits of a bfloat16: its upper half.
pub(crate) fn bf16_to_f32(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

/// The nearest bfloat16, of two equally near ones the even one. A NaN stays one.
pub(crate) fn f32_to_bf16(x: f32) -> u16 {
    let bits = x.to_bits();
    if x.is_nan() {
        // The quiet bit, lest the upper half be an infinity.
        return (bits >> 16) as u16 | 0x40;
    }
    let odd = (bits >> 16) & 1;
    ((bits + 0x7fff + odd) >> 16) as u16
}

/// The `f32` equal to an IEEE 754 half: 1 bit of sign, 5 of exponent, 10 of fraction.
pub(crate) fn f16_to_f32(bits: u16) -> f32 {
    let sign = u32::from(bits & 0x8000) << 16;
    let (exponent, fraction) = (u32::from(bits >> 10) & 0x1f, u32::from(bits & 0x3ff));
    match exponent {
        0 => f32::from_bits(sign | (fraction as f32 * 2f32.powi(-24)).to_bits()),
        0x1f => f32::from_bits(sign | 0x7f80_0000 | fraction << 13),
        _ => f32::from_bits(sign | (exponent + 112) << 23 | fraction << 13),
    }
}

/// The nearest half, of two equally near ones the even one; infinite from 65520 on. A NaN stays one.
pub(crate) fn f32_to_f16(x: f32) -> u16 {
    let bits = x.to_bits();
    let sign = (bits >> 16) as u16 & 0x8000;
    let size = x.abs();
    if x.is_nan() {
        return sign | 0x7e00 | (bits >> 13) as u16 & 0x3ff;
    }
    if size >= 65520.0 {
        return sign | 0x7c00;
    }
    if size < 2f32.powi(-14) {
        // A multiple of 2⁻²⁴, rounded by the machine: the sum's last bit is worth 2⁻²⁴.
        return sign | (size + 0.5).to_bits().wrapping_sub(0.5f32.to_bits()) as u16;
    }
    let size = size.to_bits();
    let odd = (size >> 13) & 1;
    sign | (((size + 0xfff + odd) >> 13) - (112 << 10)) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_16_bit_number_survives() {
        for bits in 0..=u16::MAX {
            for (wide, back) in [
                (f16_to_f32(bits), f32_to_f16(f16_to_f32(bits))),
                (bf16_to_f32(bits), f32_to_bf16(bf16_to_f32(bits))),
            ] {
                // A signalling NaN becomes a quiet one.
                assert!(
                    back == bits || (wide.is_nan() && back | 0x240 == bits | 0x240),
                    "{bits:04x} {back:04x}"
                );
            }
        }
    }

    #[test]
    fn values_are_the_standards() {
        let half = [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0400, 6.103_515_6e-5),
            (0x0001, 5.960_464_5e-8),
        ];
        assert!(half.iter().all(|&(bits, x)| f16_to_f32(bits) == x && f32_to_f16(x) == bits));
        assert_eq!((f16_to_f32(0x7c00), f16_to_f32(0xfc00)), (f32::INFINITY, f32::NEG_INFINITY));
        assert_eq!((bf16_to_f32(0x3f80), bf16_to_f32(0xc049)), (1.0, -3.140_625));
    }

    /// Between any two neighbours: below the middle down, above it up, on it to the even one.
    #[test]
    fn rounding_is_to_the_nearest_and_to_even() {
        for bits in 0..0x7bff {
            let (low, high) = (f16_to_f32(bits), f16_to_f32(bits + 1));
            let middle = (low + high) / 2.0;
            let even = bits + (bits & 1);
            let found = [f32_to_f16(middle.next_down()), f32_to_f16(middle), f32_to_f16(middle.next_up())];
            assert_eq!(found, [bits, even, bits + 1], "{bits:04x}");
        }
        for bits in 0..0x7f7f {
            let (low, high) = (bf16_to_f32(bits), bf16_to_f32(bits + 1));
            let middle = ((f64::from(low) + f64::from(high)) / 2.0) as f32;
            let even = bits + (bits & 1);
            let found = [f32_to_bf16(middle.next_down()), f32_to_bf16(middle), f32_to_bf16(middle.next_up())];
            assert_eq!(found, [bits, even, bits + 1], "{bits:04x}");
        }
        assert_eq!(
            (f32_to_f16(65519.99), f32_to_f16(65520.0), f32_to_f16(f32::MAX)),
            (0x7bff, 0x7c00, 0x7c00)
        );
        assert_eq!(f32_to_bf16(f32::MAX), 0x7f80);
    }
}
