//! `+ - * /` and their assigning forms, between tensors (broadcast) and with numbers. Integers wrap; their quotients are
//! rounded towards 0, and dividing one by 0 is a panic.
//!
//! An operand passed by value is overwritten if no other tensor shares its storage, so `a * b + c` allocates one tensor, not two.

use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use crate::{Number, Tensor};

/// Panics at the caller's line if an integer is to be divided by 0.
#[track_caller]
fn divides<T: Number, I: IntoIterator<Item = T>>(divisors: impl FnOnce() -> I) {
    if !T::DTYPE.is_float() {
        let zero = divisors().into_iter().any(|divisor| divisor == T::ZERO);
        assert!(!zero, "div: an integer is divided by 0");
    }
}

/// Accepts every right-hand side.
fn anything<I>(_: impl FnOnce() -> I) {}

macro_rules! operator {
    (
        $Trait:ident $method:ident, $Assign:ident $assign:ident, $name:literal, $fits:ident, |$a:ident, $b:ident| $formula:expr
    ) => {
        impl<T: Number> $Trait<&Tensor<T>> for &Tensor<T> {
            type Output = Tensor<T>;
            #[track_caller]
            fn $method(self, rhs: &Tensor<T>) -> Tensor<T> {
                $fits(|| rhs.iter());
                self.zip_named($name, rhs, |$a, $b| $formula)
            }
        }
        impl<T: Number> $Trait<Tensor<T>> for &Tensor<T> {
            type Output = Tensor<T>;
            #[track_caller]
            fn $method(self, mut rhs: Tensor<T>) -> Tensor<T> {
                if rhs.is_exclusive() && rhs.shape().broadcast(self.shape()) == Some(*rhs.shape()) {
                    $fits(|| rhs.iter());
                    rhs.zip_named_($name, self, |$b, $a| *$b = { let $b = *$b; $formula });
                    return rhs;
                }
                self.$method(&rhs)
            }
        }
        impl<T: Number> $Trait<&Tensor<T>> for Tensor<T> {
            type Output = Tensor<T>;
            #[track_caller]
            fn $method(mut self, rhs: &Tensor<T>) -> Tensor<T> {
                if self.is_exclusive() && self.shape().broadcast(rhs.shape()) == Some(*self.shape()) {
                    self.$assign(rhs);
                    return self;
                }
                (&self).$method(rhs)
            }
        }
        impl<T: Number> $Trait<Tensor<T>> for Tensor<T> {
            type Output = Tensor<T>;
            #[track_caller]
            fn $method(self, rhs: Tensor<T>) -> Tensor<T> {
                self.$method(&rhs)
            }
        }
        impl<T: Number> $Trait<T> for &Tensor<T> {
            type Output = Tensor<T>;
            #[track_caller]
            fn $method(self, $b: T) -> Tensor<T> {
                $fits(|| [$b]);
                self.map(|$a| $formula)
            }
        }
        impl<T: Number> $Trait<T> for Tensor<T> {
            type Output = Tensor<T>;
            #[track_caller]
            fn $method(mut self, rhs: T) -> Tensor<T> {
                if self.is_exclusive() {
                    self.$assign(rhs);
                    return self;
                }
                (&self).$method(rhs)
            }
        }
        impl<T: Number> $Assign<&Tensor<T>> for Tensor<T> {
            #[track_caller]
            fn $assign(&mut self, rhs: &Tensor<T>) {
                $fits(|| rhs.iter());
                self.zip_named_($name, rhs, |$a, $b| *$a = { let $a = *$a; $formula });
            }
        }
        impl<T: Number> $Assign<T> for Tensor<T> {
            #[track_caller]
            fn $assign(&mut self, $b: T) {
                $fits(|| [$b]);
                self.map_(|$a| $formula);
            }
        }
        operator!(scalar on the left: $Trait $method, $fits, |$a, $b| $formula, f32 f64 i32 i64 u8);
    };
    (scalar on the left: $Trait:ident $method:ident, $fits:ident, |$a:ident, $b:ident| $formula:expr, $($t:ty)*) => {$(
        impl $Trait<&Tensor<$t>> for $t {
            type Output = Tensor<$t>;
            #[track_caller]
            fn $method(self, rhs: &Tensor<$t>) -> Tensor<$t> {
                $fits(|| rhs.iter());
                let $a = self;
                rhs.map(|$b| $formula)
            }
        }
        impl $Trait<Tensor<$t>> for $t {
            type Output = Tensor<$t>;
            #[track_caller]
            fn $method(self, rhs: Tensor<$t>) -> Tensor<$t> {
                self.$method(&rhs)
            }
        }
    )*};
}

operator!(Add add, AddAssign add_assign, "add", anything, |a, b| a.plus(b));
operator!(Sub sub, SubAssign sub_assign, "sub", anything, |a, b| a.minus(b));
operator!(Mul mul, MulAssign mul_assign, "mul", anything, |a, b| a.times(b));
operator!(Div div, DivAssign div_assign, "div", divides, |a, b| a.over(b));

/// Integers wrap: for an unsigned type, `-x` is the number whose sum with `x` is 0.
impl<T: Number> Neg for &Tensor<T> {
    type Output = Tensor<T>;
    fn neg(self) -> Tensor<T> {
        // Not 0 - x, which has no -0.
        let minus_one = T::ZERO.minus(T::ONE);
        self.map(|x| x.times(minus_one))
    }
}

impl<T: Number> Neg for Tensor<T> {
    type Output = Tensor<T>;
    fn neg(self) -> Tensor<T> {
        -&self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_agree() {
        let a = Tensor::from([[6.0f64, 8.0], [10.0, 12.0]]);
        let b = Tensor::from([2.0, 4.0]);
        let want = [4.0, 4.0, 8.0, 8.0];
        assert_eq!((&a - &b).to_vec(), want);
        assert_eq!((a.clone() - &b).to_vec(), want);
        assert_eq!((&a - b.clone()).to_vec(), want);
        assert_eq!((a.clone() - b.clone()).to_vec(), want);
        assert_eq!((&b - &a).to_vec(), want.map(|v| -v));
        assert_eq!((&b - (&a + 0.0)).to_vec(), want.map(|v| -v), "the right operand is reused");
        assert_eq!((&b - (&a + 0.0).contiguous()).shape(), &[2, 2]);
        assert_eq!((b.clone() - &a).to_vec(), want.map(|v| -v), "the left operand is too small to be reused");
        let mut c = a.clone();
        c /= &b;
        assert_eq!(c.to_vec(), [3.0, 2.0, 5.0, 3.0]);
        assert_eq!((1.0 / &b).to_vec(), [0.5, 0.25]);
        assert_eq!((24.0 - a.clone() * 2.0).to_vec(), [12.0, 8.0, 4.0, 0.0]);
        assert_eq!((-&b).to_vec(), [-2.0, -4.0]);
        assert_eq!(a.to_vec(), [6.0, 8.0, 10.0, 12.0], "operands by reference are left alone");
    }

    #[test]
    fn operands_by_value_are_reused() {
        let a = Tensor::<f32>::ones([50, 50]);
        let place = a.as_slice().unwrap().as_ptr();
        assert_eq!((a * 2.0 + &Tensor::ones([50])).as_slice().unwrap().as_ptr(), place);
    }

    #[test]
    fn integers_wrap() {
        assert_eq!((Tensor::from([250u8]) + 10).item(), 4);
        assert_eq!((Tensor::from([i32::MAX]) * 2).item(), -2);
        assert_eq!((Tensor::from([i32::MIN, -7]) / Tensor::from([-1, 2])).to_vec(), [i32::MIN, -3]);
        assert_eq!((-Tensor::from([3i64]), -Tensor::from([1u8])), (Tensor::from([-3]), Tensor::from([255])));
        assert!((-Tensor::from([0.0f32])).item().is_sign_negative());
        assert_eq!((Tensor::<i32>::zeros([0]) / Tensor::scalar(1)).numel(), 0);
    }

    #[test]
    #[should_panic(expected = "add: [2, 3] and [4] do not broadcast")]
    fn names_the_shapes() {
        let _ = Tensor::<f32>::ones([2, 3]) + Tensor::ones([4]);
    }
}
