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
    /// of [`Rule::slots`]. It neither clips nor decays.
    ///
    /// ```
    /// use ravine_optim::{Rule, Sgd, Step};
    /// use ravine_tensor::Tensor;
    ///
    /// // In `f64`, to compare it with a reference.
    /// let (rule, mut w, g) = (Sgd::momentum(0.5), Tensor::from([1.0f64]), Tensor::from([2.0]));
    /// let mut slots = [Tensor::zeros([1])];
    /// for count in 1..=2 {
    ///     rule.update(Step::new(&rule, 0.1, count, &mut w, &g, &mut slots));
    /// }
    /// assert!((w.item() - (1.0 - 0.1 * (2.0 + 3.0))).abs() < 1e-12);
    /// ```
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
        let Step { rate, rule, shaping, w, g, .. } = self;
        let slots = slot_array(rule, self.slots);
        if let Some(slot) = slots.iter().find(|slot| slot.shape() != w.shape()) {
            panic!(
                "{rule}: each: a slot has shape {} and the parameter {}; slots of another shape need Step::whole",
                slot.shape(),
                w.shape()
            );
        }
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
    /// If `f` does not take as many slots as the rule names, or gives the parameter or a slot another shape.
    #[track_caller]
    pub fn whole<const N: usize>(self, f: impl FnOnce(&mut Tensor<T>, &Tensor<T>, [&mut Tensor<T>; N])) {
        let Step { rate, rule, shaping, w, g, .. } = self;
        let slots = slot_array(rule, self.slots);
        let (shape, shapes) = (*w.shape(), slots.each_ref().map(|slot| *slot.shape()));
        let f = |w: &mut Tensor<T>, g: &Tensor<T>, mut slots: [&mut Tensor<T>; N]| {
            f(w, g, slots.each_mut().map(|slot| &mut **slot));
            let slots = slots.iter().map(|slot| *slot.shape()).zip(shapes);
            [(*w.shape(), shape)].into_iter().chain(slots).find(|(after, before)| after != before)
        };
        if shaping.is_none() {
            return same_shapes(rule, f(w, g, slots));
        }
        let [limit, scale, l2] = [shaping.limit, shaping.scale, shaping.of(Decay::L2)].map(T::of);
        let [decoupled, cautious] = [Decay::Decoupled, Decay::Cautious].map(|kind| rate * shaping.of(kind));
        let g = g.zip(w, |g, w| scale * clamp(g, limit) + l2 * w);
        let before = (cautious != 0.0).then(|| w.clone());
        if decoupled != 0.0 {
            *w *= T::of(1.0 - decoupled);
        }
        same_shapes(rule, f(w, &g, slots));
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

/// Panics if there is something whose shape, the first one, is not what it was.
#[track_caller]
fn same_shapes(rule: &str, changed: Option<(Shape, Shape)>) {
    if let Some((after, before)) = changed {
        panic!(
            "{rule}: whole: the update changed a tensor of shape {before} to shape {after}; parameters and slots keep theirs"
        );
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A rule with a slot of one number, and an update that has to be told.
    struct Careless;

    impl Rule for Careless {
        const NAME: &'static str = "Careless";
        fn slots(&self) -> &'static [&'static str] {
            &["size"]
        }
        fn slot_shape(&self, _slot: &str, _param: &Shape) -> Shape {
            Shape::from([1])
        }
        fn update(&self, _step: Step) {}
    }

    /// A step of a parameter of shape `[2, 3]` by this update.
    #[track_caller]
    fn step(shaping: Shaping, update: impl FnOnce(Step)) {
        let (mut w, g, mut slots) = (Tensor::ones([2, 3]), Tensor::ones([2, 3]), [Tensor::zeros([1])]);
        update(Step::new(&Careless, 0.1, 1, &mut w, &g, &mut slots).shaped(shaping));
    }

    #[test]
    #[should_panic(
        expected = "Careless: each: a slot has shape [1] and the parameter [2, 3]; slots of another"
    )]
    fn each_is_for_slots_of_the_shape_of_the_parameter() {
        step(Shaping::NONE, |step| step.each(|w, g, [size]| (*w, *size) = (*w - g, g)));
    }

    #[test]
    #[should_panic(expected = "Careless: whole: the update changed a tensor of shape [2, 3] to shape [6]")]
    fn a_parameter_keeps_its_shape() {
        step(Shaping::NONE, |step| step.whole(|w, g, [_]| *w = (&*w - g).reshape([6])));
    }

    #[test]
    #[should_panic(expected = "Careless: whole: the update changed a tensor of shape [1] to shape [2, 3]")]
    fn a_slot_keeps_its_shape_also_under_clipping() {
        step(Shaping { scale: 0.5, ..Shaping::NONE }, |step| step.whole(|_, g, [size]| *size = g.square()));
    }
}
