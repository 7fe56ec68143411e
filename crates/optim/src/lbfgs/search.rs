//! A line search for the strong Wolfe conditions.

/// A point on the line `x + t d`.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    /// The step length.
    pub t: f64,
    pub loss: f64,
    pub grad: Vec<f64>,
    /// The derivative of the loss by `t`.
    pub slope: f64,
}

/// The constant of the sufficient decrease (Armijo) condition: the share of the decrease that the slope at the start predicts.
const DESCENT: f64 = 1e-4;
/// The constant of the curvature condition: the slope must be at most this share of that at the start.
const CURVATURE: f64 = 0.9;

/// A point on the line from `start` that satisfies the strong Wolfe conditions, or else the best one that was found, and the number of
/// evaluations, at most one more than `limit`. `at` evaluates the line, `first` is the first step length to try, and `size` the largest
/// element of the direction: brackets in which no weight changes by as much as `tolerance` are not searched.
///
/// Nocedal and Wright 2006, *Numerical optimization*, algorithms 3.5 and 3.6, with PyTorch's interpolation and safeguards. A loss that is
/// not finite counts as infinite.
pub(crate) fn strong_wolfe(
    at: &mut impl FnMut(f64) -> Point,
    start: &Point,
    first: f64,
    size: f64,
    tolerance: f64,
    limit: usize,
) -> (Point, usize) {
    let steep =
        |point: &Point| point.loss.is_nan() || point.loss > start.loss + DESCENT * point.t * start.slope;
    let flat = |point: &Point| point.slope.abs() <= -CURVATURE * start.slope;

    // Algorithm 3.5: outwards, until two points bracket the one that is sought.
    let mut evaluations = 1;
    let (mut previous, mut new) = (start.clone(), at(first));
    let (mut low, mut high) = loop {
        if steep(&new) || (evaluations > 2 && new.loss >= previous.loss) {
            break (previous, new);
        }
        if flat(&new) {
            return (new, evaluations);
        }
        if new.slope >= 0.0 {
            break (new, previous);
        }
        if evaluations > limit {
            break (start.clone(), new);
        }
        let bounds = (new.t + 0.01 * (new.t - previous.t), 10.0 * new.t);
        let t = cubic_minimum(&previous, &new, bounds);
        (previous, new) = (new, at(t));
        evaluations += 1;
    };

    // Algorithm 3.6: inwards. `low` satisfies the sufficient decrease condition, and its slope points into the bracket.
    let mut slow = false;
    while evaluations <= limit && (high.t - low.t).abs() * size >= tolerance {
        let (left, right) = (low.t.min(high.t), low.t.max(high.t));
        let mut t = cubic_minimum(&low, &high, (left, right));
        let margin = 0.1 * (right - left);
        let near = (right - t).min(t - left) < margin;
        if near && (slow || t >= right || t <= left) {
            t = if (t - right).abs() < (t - left).abs() { right - margin } else { left + margin };
            slow = false;
        } else {
            slow = near;
        }
        let new = at(t);
        evaluations += 1;
        if steep(&new) || new.loss >= low.loss {
            high = new;
            continue;
        }
        if flat(&new) {
            return (new, evaluations);
        }
        if new.slope * (high.t - low.t) >= 0.0 {
            high = low;
        }
        low = new;
    }
    (low, evaluations)
}

/// The minimum within bounds of the cubic through two points with their slopes; the middle of the bounds if it has none.
fn cubic_minimum(a: &Point, b: &Point, (least, most): (f64, f64)) -> f64 {
    let (a, b) = if a.t <= b.t { (a, b) } else { (b, a) };
    let d1 = a.slope + b.slope - 3.0 * (a.loss - b.loss) / (a.t - b.t);
    let d2 = (d1 * d1 - a.slope * b.slope).sqrt();
    let t = b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2.0 * d2));
    if t.is_finite() { t.max(least).min(most) } else { (least + most) / 2.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Searches along `f`, which gives value and slope, from 0.
    fn search(f: impl Fn(f64) -> (f64, f64), first: f64) -> (Point, usize, Point) {
        let mut at = |t: f64| {
            let (loss, slope) = f(t);
            Point { t, loss, grad: vec![slope], slope }
        };
        let start = at(0.0);
        let (found, evaluations) = strong_wolfe(&mut at, &start, first, 1.0, 1e-9, 25);
        (found, evaluations, start)
    }

    #[test]
    fn the_point_satisfies_both_conditions_from_any_first_try() {
        let functions: [fn(f64) -> (f64, f64); 3] = [
            |t| ((t - 1.0).powi(2), 2.0 * (t - 1.0)),
            |t| (-t / (t * t + 2.0), (t * t - 2.0) / (t * t + 2.0).powi(2)),
            |t| {
                (
                    (t + 0.004).powi(5) - 2.0 * (t + 0.004).powi(4),
                    5.0 * (t + 0.004).powi(4) - 8.0 * (t + 0.004).powi(3),
                )
            },
        ];
        for f in functions {
            for first in [1e-3, 0.1, 1.0, 10.0, 1000.0] {
                let (found, evaluations, start) = search(f, first);
                assert!(found.loss <= start.loss + DESCENT * found.t * start.slope, "{found:?}");
                assert!(found.slope.abs() <= -CURVATURE * start.slope, "{found:?}");
                assert!(evaluations <= 16, "{evaluations}");
            }
        }
    }

    #[test]
    fn it_comes_back_from_where_the_loss_is_not_finite() {
        let (found, ..) = search(|t| if t < 0.3 { (-t, -1.0) } else { (f64::NAN, f64::NAN) }, 8.0);
        assert!(found.t > 0.0 && found.t < 0.3, "{found:?}");
        // With nothing to be had, it stays.
        let (found, ..) = search(|t| if t == 0.0 { (0.0, -1.0) } else { (f64::INFINITY, f64::NAN) }, 1.0);
        assert_eq!((found.t, found.loss), (0.0, 0.0));
    }
}
