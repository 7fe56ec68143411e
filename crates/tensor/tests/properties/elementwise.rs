//! Functions of one and two variables, element by element after broadcasting.

use proptest::prelude::*;
use ravine_tensor::{Element, Tensor};

use super::functions::{composed, functions};
use super::generators::*;

/// A shape, and two views that broadcast to it.
fn pairs<T: Element>(
    a: fn(usize) -> T,
    b: fn(usize) -> T,
) -> impl Strategy<Value = (Vec<usize>, View<T>, View<T>)> {
    shapes(0..=4).prop_flat_map(move |shape| {
        let part = |value: fn(usize) -> T| {
            broadcasting_to(shape.clone()).prop_flat_map(move |part| views_of(part, value))
        };
        // One of the two has the whole shape.
        let whole = |value: fn(usize) -> T| views_of(shape.clone(), value);
        prop_oneof![
            (Just(shape.clone()), whole(a), part(b).boxed()),
            (Just(shape.clone()), part(a).boxed(), whole(b)),
        ]
    })
}

/// `f` of the elements of both.
fn zipped<T: Element, U: Copy>(shape: &[usize], a: &View<T>, b: &View<T>, f: impl Fn(T, T) -> U) -> Array<U> {
    Array::from_fn(shape, |at| f(a.array.broadcast_at(at), b.array.broadcast_at(at)))
}

fn integers() -> impl Strategy<Value = (Vec<usize>, View<i64>, View<i64>)> {
    pairs(|i| i as i64 * 7 % 11 - 5, |i| [3, -2, 1, -5, 4][i % 5])
}

fn floats() -> impl Strategy<Value = (Vec<usize>, View<f64>, View<f64>)> {
    pairs(|i| (i * 7 % 11) as f64 / 4.0 - 1.25, |i| [0.75, -1.25, 2.0, -0.5, 1.0][i % 5])
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn arithmetic_of_integers((shape, a, b) in integers()) {
        let (x, y) = (&a.tensor, &b.tensor);
        assert_same(&(x + y), &zipped(&shape, &a, &b, |a, b| a + b));
        assert_same(&(x - y), &zipped(&shape, &a, &b, |a, b| a - b));
        assert_same(&(x * y), &zipped(&shape, &a, &b, |a, b| a * b));
        assert_same(&(x / y), &zipped(&shape, &a, &b, |a, b| a / b));
        assert_same(&x.fmod(y), &zipped(&shape, &a, &b, |a, b| a % b));
        assert_same(&x.remainder(y), &zipped(&shape, &a, &b, |a, b| a - b * (a as f64 / b as f64).floor() as i64));
        assert_same(&x.maximum(y), &zipped(&shape, &a, &b, i64::max));
        assert_same(&x.minimum(y), &zipped(&shape, &a, &b, i64::min));
    }

    #[test]
    fn comparisons_and_bits((shape, a, b) in integers()) {
        let (x, y) = (&a.tensor, &b.tensor);
        assert_same(&x.eq(y), &zipped(&shape, &a, &b, |a, b| a == b));
        assert_same(&x.ne(y), &zipped(&shape, &a, &b, |a, b| a != b));
        assert_same(&x.lt(y), &zipped(&shape, &a, &b, |a, b| a < b));
        assert_same(&x.le(y), &zipped(&shape, &a, &b, |a, b| a <= b));
        assert_same(&x.gt(y), &zipped(&shape, &a, &b, |a, b| a > b));
        assert_same(&x.ge(y), &zipped(&shape, &a, &b, |a, b| a >= b));
        assert_same(&(x & y), &zipped(&shape, &a, &b, |a, b| a & b));
        assert_same(&(x | y), &zipped(&shape, &a, &b, |a, b| a | b));
        assert_same(&(x ^ y), &zipped(&shape, &a, &b, |a, b| a ^ b));
        assert_same(&(x << &y.abs()), &zipped(&shape, &a, &b, |a, b| a << b.abs()));
        assert_same(&(x >> &y.abs()), &zipped(&shape, &a, &b, |a, b| a >> b.abs()));
    }

    #[test]
    fn functions_of_two((shape, a, b) in floats(), weight in 0.0f64..1.0) {
        let (x, y) = (&a.tensor, &b.tensor);
        let check = |name, found: Tensor<f64>, f: &dyn Fn(f64, f64) -> f64| {
            assert_near(name, &found, &zipped(&shape, &a, &b, f));
        };
        check("div", x / y, &|a, b| a / b);
        check("pow", x.pow(y), &f64::powf);
        check("atan2", x.atan2(y), &f64::atan2);
        check("hypot", x.hypot(y), &f64::hypot);
        check("copysign", x.copysign(y), &f64::copysign);
        check("logaddexp", x.logaddexp(y), &|a, b| (a.exp() + b.exp()).ln());
        check("lerp", x.lerp(y, weight), &|a, b| a + weight * (b - a));
        check("remainder", x.remainder(y), &|a, b| a - b * (a / b).floor());
        check("fmod", x.fmod(y), &|a, b| a - b * (a / b).trunc());
        assert_same(&x.isclose(y, 0.5, 0.1), &zipped(&shape, &a, &b, |a, b| (a - b).abs() <= 0.1 + 0.5 * b.abs()));
    }

    #[test]
    fn written_in_place((shape, a, b) in floats()) {
        prop_assume!(a.array.shape == shape);
        let mut sum = a.tensor.clone();
        sum += &b.tensor;
        assert_same(&sum, &zipped(&shape, &a, &b, |a, b| a + b));
        let mut between = a.tensor.clone();
        between.lerp_(&b.tensor, 0.25);
        assert_same(&between, &zipped(&shape, &a, &b, |a, b| a + 0.25 * (b - a)));
        let (x, y) = (&a.tensor, &b.tensor);
        let bits = |x: &Tensor<f64>| x.iter().map(f64::to_bits).collect::<Vec<_>>();
        let twins: [(Tensor<f64>, &dyn Fn(&mut Tensor<f64>)); 14] = [
            (x.pow(y), &|x| x.pow_(y)),
            (x.atan2(y), &|x| x.atan2_(y)),
            (x.hypot(y), &|x| x.hypot_(y)),
            (x.copysign(y), &|x| x.copysign_(y)),
            (x.logaddexp(y), &|x| x.logaddexp_(y)),
            (x.maximum(y), &|x| x.maximum_(y)),
            (x.minimum(y), &|x| x.minimum_(y)),
            (x.remainder(y), &|x| x.remainder_(y)),
            (x.fmod(y), &|x| x.fmod_(y)),
            (x.powf(0.5), &|x| x.powf_(0.5)),
            (x.powi(-3), &|x| x.powi_(-3)),
            (x.clamp_min(0.1), &|x| x.clamp_min_(0.1)),
            (x.clamp_max(0.1), &|x| x.clamp_max_(0.1)),
            (x.sqrt().nan_to_num(7.0, 1.0, -1.0), &|x| {
                x.sqrt_();
                x.nan_to_num_(7.0, 1.0, -1.0);
            }),
        ];
        for (i, (plain, write)) in twins.iter().enumerate() {
            let mut written = x.clone();
            write(&mut written);
            prop_assert_eq!(bits(&written), bits(plain), "twin {}", i);
        }
        assert_same(&a.tensor, &a.array);
    }

    #[test]
    fn functions_of_one((_, x, _) in floats()) {
        for (name, f, want) in functions().into_iter().chain(composed()) {
            assert_near(name, &f(&x.tensor), &Array::from_fn(&x.array.shape, |at| want(x.array.at(at))));
        }
        assert_same(&x.tensor.clamp(-0.5, 0.5), &Array::from_fn(&x.array.shape, |at| x.array.at(at).clamp(-0.5, 0.5)));
        assert_same(&x.tensor.cast::<i32>(), &Array::from_fn(&x.array.shape, |at| x.array.at(at) as i32));
    }
}
