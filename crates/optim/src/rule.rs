//! The rule, which the author of an optimizer writes, and the step, which the driver passes to it.

use ravine_tensor::{Float, Shape, Tensor};

use crate::Decay;

/// How an optimizer updates a parameter: all that the author of a new one writes. The crate's [front page](crate) has an example.
///
/// A rule need not clip or decay: the driver has already applied both to the gradient that it gets. (`T` exists so that our rules can be
/// compared with others in `f64`; `impl Rule for ...` is enough.)
pub trait Rule<T: Float = f32>: Send + Sync + 'static {
    /// The name of the rule in saved states.
    const NAME: &'static str;

    /// The default kind of weight decay.
    const DECAY: Decay = Decay::L2;
    /// The default coefficient of weight decay.
    const WEIGHT_DECAY: f64 = 0.0;

    /// The names of the tensors that the rule, with its present settings, keeps for each parameter. They are zero at first, and saved
    /// in checkpoints.
    fn slots(&self) -> &'static [&'static str] {
        &[]
    }

    /// The shape of a slot of a parameter of this shape: the same, unless the rule keeps less.
    fn slot_shape(&self, slot: &str, param: &Shape) -> Shape {
        let _ = slot;
        *param
    }

    /// Updates one parameter, once, by [`Step::each`] or [`Step::whole`].
    ///
    /// Several threads call it at once, each for another parameter. It may hold a lock while it calls kernels, which never wait for another
    /// thread's lock. (State behind a lock is not in checkpoints, and the order of the parameters is not defined.)
    fn update(&self, step: Step<T>);

    /// The fault of the settings, if there is one: `beta1: found 1, expected from 0 to below 1`. The driver panics with it.
    fn fault(&self) -> Option<String> {
        None
    }

    /// The largest product of rate and curvature at which the rule does not diverge on a quadratic, if it is known: 2 for plain gradient
    /// descent, `2 + 2 momentum` with (heavy-ball) momentum.
    fn stability_limit(&self) -> Option<f64> {
        None
    }

    /// The product of rate and curvature at which the rule descends a quadratic, from rest, with the least sum of the losses of all steps,
    /// if it is known: 1 for plain gradient descent, `1 - momentum²` with (heavy-ball) momentum.
    fn quickest(&self) -> Option<f64> {
        None
    }

    /// The value with which the model should be used, if it is not the trained one: for example an average.
    fn averaged(&self, w: &Tensor<T>, slots: &[Tensor<T>]) -> Option<Tensor<T>> {
        let _ = (w, slots);
        None
    }
}

/// One step of one parameter: the input of a [`Rule`], and the tensors that it changes.
pub struct Step<'a, T: Float = f32> {
    /// The learning rate, from schedule and group.
    pub rate: f64,
    /// The number of updates of this parameter, including this one: 1 at first.
    pub count: u64,
    /// The coefficient of weight decay for the rule to apply; 0 unless the kind is [`Decay::Own`].
    pub weight_decay: f64,
    rule: &'static str,
    shaping: Shaping,
    w: &'a mut Tensor<T>,
    g: &'a Tensor<T>,
    slots: &'a mut [Tensor<T>],
}

impl<'a, T: Float> Step<'a, T> {
    /// A step outside an [`Optimizer`](crate::Optimizer), to try a rule alone: of parameter `w` by gradient `g`, with `slots` in the order
    /// of [`Rule::slots`].
    pub fn new<R: Rule<T>>(
        _rule: &R,
        rate: f64,
        count: u64,
        w: &'a mut Tensor<T>,
        g: &'a Tensor<T>,
        slots: &'a mut [Tensor<T>],
    ) -> Self {
        Step { rate, count, weight_decay: 0.0, rule: R::NAME, shaping: Shaping::NONE, w, g, slots }
    }

    /// The same step, with clipping and decay applied to gradient and weights.
    pub(crate) fn shaped(mut self, shaping: Shaping) -> Self {
        if shaping.decay == Decay::Own {
            self.weight_decay = shaping.weight_decay;
        }
        self.shaping = shaping;
        self
    }

    /// The same step for the rule of this name.
    pub(crate) fn named(mut self, rule: &'static str) -> Self {
        self.rule = rule;
        self
    }

    /// The shape of the parameter.
    pub fn shape(&self) -> &Shape {
        self.w.shape()
    }

    /// Updates element by element: calls `f(&mut w[i], g[i], [&mut slot[i], ...])` for all `i`, in one pass over memory.
    ///
    /// # Panics
    /// If `f` does not take as many slots as the rule names, or the shape of one is not that of the parameter.
    #[track_caller]
    pub fn each<const N: usize>(self, f: impl Fn(&mut T, T, [&mut T; N]) + Sync) {
        let Step { rate, shaping, w, g, .. } = self;
        let slots = slot_array(self.rule, self.slots);
        if shaping.is_none() {
            return w.update_with(g, slots, f);
        }
        let [limit, scale, l2] = [shaping.limit, shaping.scale, shaping.of(Decay::L2)].map(T::of);
        let [shrink, cautious] =
            [1.0 - rate * shaping.of(Decay::Decoupled), rate * shaping.of(Decay::Cautious)].map(T::of);
        w.update_with(g, slots, |w, g, slots| {
            let (before, pull) = (*w, cautious * *w);
            *w = shrink * before;
            f(w, scale * clamp(g, limit) + l2 * before, slots);
            let shrinks = (*w - before) * before <= T::ZERO;
            *w -= if shrinks { pull } else { T::ZERO };
        });
    }

    /// Updates the parameter as a whole: calls `f(w, g, [slot, ...])`, for rules that need norms, rows and columns, or matrix products.
    ///
    /// # Panics
    /// If `f` does not take as many slots as the rule names.
    #[track_caller]
    pub fn whole<const N: usize>(self, f: impl FnOnce(&mut Tensor<T>, &Tensor<T>, [&mut Tensor<T>; N])) {
        let Step { rate, shaping, w, g, .. } = self;
        let slots = slot_array(self.rule, self.slots);
        if shaping.is_none() {
            return f(w, g, slots);
        }
        let [limit, scale, l2] = [shaping.limit, shaping.scale, shaping.of(Decay::L2)].map(T::of);
        let [decoupled, cautious] = [Decay::Decoupled, Decay::Cautious].map(|kind| rate * shaping.of(kind));
        let g = g.zip(w, |g, w| scale * clamp(g, limit) + l2 * w);
        let before = (cautious != 0.0).then(|| w.clone());
        if decoupled != 0.0 {
            *w *= T::of(1.0 - decoupled);
        }
        f(w, &g, slots);
        if let Some(before) = before {
            let cautious = T::of(cautious);
            w.zip_(&before, |w, before| {
                if (*w - before) * before <= T::ZERO {
                    *w -= cautious * before;
                }
            });
        }
    }
}

/// The slots as an array, which must be `N`.
#[track_caller]
fn slot_array<'a, T: Float, const N: usize>(
    rule: &str,
    slots: &'a mut [Tensor<T>],
) -> [&'a mut Tensor<T>; N] {
    let count = slots.len();
    match <&mut [Tensor<T>; N]>::try_from(slots) {
        Ok(slots) => slots.each_mut(),
        Err(_) => panic!("{rule}: slots() names {count} slots, but the update takes {N}"),
    }
}

/// The clipping and decay that the driver applies around a rule, within the rule's own pass over memory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shaping {
    /// Elements of the gradient are clamped to `-limit` to `limit`.
    pub limit: f64,
    /// The factor on the clamped gradient, which is negative to climb instead of descending.
    pub scale: f64,
    pub decay: Decay,
    pub weight_decay: f64,
}

impl Shaping {
    pub const NONE: Shaping =
        Shaping { limit: f64::INFINITY, scale: 1.0, decay: Decay::L2, weight_decay: 0.0 };

    fn is_none(&self) -> bool {
        let decays = self.weight_decay != 0.0 && self.decay != Decay::Own;
        self.limit == f64::INFINITY && self.scale == 1.0 && !decays
    }

    /// The coefficient of this kind of decay.
    fn of(&self, kind: Decay) -> f64 {
        if self.decay == kind { self.weight_decay } else { 0.0 }
    }
}

/// `x` clamped to `-limit` to `limit`; NaN stays NaN.
#[inline(always)]
fn clamp<T: Float>(x: T, limit: T) -> T {
    if x > limit {
        limit
    } else if x < -limit {
        -limit
    } else {
        x
    }
}
