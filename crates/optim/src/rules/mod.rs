//! The rules, each with its formula and its source.

mod adabelief;
mod adafactor;
mod adagrad;
mod adam;
mod adamax;
mod adan;
mod asgd;
mod layerwise;
mod muon;
mod nadam;
#[cfg(test)]
mod pytorch;
mod radam;
mod rmsprop;
mod rprop;
mod schedule_free;
mod sgd;
mod sign;

pub use adabelief::{AdaBelief, Yogi};
pub use adafactor::Adafactor;
pub use adagrad::{Adadelta, Adagrad};
pub use adam::{Adam, AdamW};
pub use adamax::Adamax;
pub use adan::Adan;
pub use asgd::Asgd;
pub use layerwise::{Lamb, Lars};
pub use muon::{Muon, MuonScale};
pub use nadam::NAdam;
pub use radam::RAdam;
use ravine_tensor::Float;
pub use rmsprop::RmsProp;
pub use rprop::Rprop;
pub use schedule_free::{ScheduleFreeAdamW, ScheduleFreeSgd};
pub use sgd::{Momentum, Sgd};
pub use sign::{Lion, Signum};

/// -1, 0 or 1 by sign; 0 at ±0, unlike `signum`. NaN at NaN.
#[inline(always)]
pub fn sign<T: Float>(x: T) -> T {
    let sign = if x > T::ZERO { T::ONE } else { x };
    if x < T::ZERO { -T::ONE } else { sign }
}

/// The [`fault`](crate::Rule::fault) of the first of these settings that is not from 0 to below 1.
fn shares(settings: &[(&str, f64)]) -> Option<String> {
    let (name, found) = settings.iter().find(|(_, found)| !(0.0..1.0).contains(found))?;
    Some(format!("{name}: found {found}, expected from 0 to below 1"))
}

/// The [`fault`](crate::Rule::fault) of the first of these settings that is negative or not finite.
fn not_negative(settings: &[(&str, f64)]) -> Option<String> {
    let (name, found) = settings.iter().find(|(_, found)| !found.is_finite() || *found < 0.0)?;
    Some(format!("{name}: found {found}, expected a number that is not negative"))
}

/// `xⁿ` by squaring, which is faster than the general power, and gives the same bits on every machine.
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
