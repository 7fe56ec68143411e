//! Tensors from values.

use proptest::prelude::*;
use ravine_tensor::Tensor;

use super::generators::*;

proptest! {
    #![proptest_config(config())]

    #[test]
    fn full_and_eye(shape in shapes(0..=4), rows in 0usize..5, columns in 0usize..5) {
        assert_same(&Tensor::full(&shape[..], 7), &Array::from_fn(&shape, |_| 7));
        assert_same(&Tensor::<f32>::zeros(&shape[..]), &Array::from_fn(&shape, |_| 0.0));
        assert_same(&Tensor::<bool>::ones(&shape[..]), &Array::from_fn(&shape, |_| true));
        let want = Array::from_fn(&[rows, columns], |at| f32::from(u8::from(at[0] == at[1])));
        assert_same(&Tensor::<f32>::eye([rows, columns]), &want);
    }

    #[test]
    fn arange_step(start in -20i64..20, end in -20i64..20, step in 1i64..7) {
        let step = if end < start { -step } else { step };
        let mut want = vec![];
        let mut v = start;
        while if step > 0 { v < end } else { v > end } {
            want.push(v);
            v += step;
        }
        prop_assert_eq!(Tensor::arange_step(start, end, step).to_vec(), &want[..]);
        let floats = Tensor::arange_step(start as f32 / 4.0, end as f32 / 4.0, step as f32 / 4.0);
        prop_assert_eq!(floats.to_vec(), want.iter().map(|&v| v as f32 / 4.0).collect::<Vec<_>>());
    }

    #[test]
    fn linspace_and_logspace(start in -9.0f64..9.0, end in -9.0f64..9.0, steps in 2usize..20) {
        let x = Tensor::linspace(start, end, steps);
        prop_assert_eq!((x.at([0]), x.at([steps - 1])), (start, end));
        for (i, v) in x.iter().enumerate() {
            prop_assert!((v - (start + (end - start) * i as f64 / (steps - 1) as f64)).abs() < 1e-14 * 20.0);
        }
        let powers = Tensor::logspace(start, end, steps, 2.0);
        prop_assert!(powers.iter().zip(x.iter()).all(|(power, x)| (power / x.exp2() - 1.0).abs() < 1e-14));
    }

    #[test]
    fn nested_vectors(shape in full_shapes(3..=3)) {
        let want = Array::from_fn(&shape, |at| place(&shape, at) as i32);
        let nested: Vec<Vec<Vec<i32>>> = want
            .values
            .chunks(shape[1] * shape[2])
            .map(|rows| rows.chunks(shape[2]).map(<[i32]>::to_vec).collect())
            .collect();
        assert_same(&Tensor::from(nested[0].clone()), &Array { shape: shape[1..].to_vec(), values: nested[0].concat() });
        assert_same(&Tensor::from(nested), &want);
        assert_same(&want.values.iter().copied().collect(), &Array { shape: vec![want.values.len()], values: want.values });
    }
}
