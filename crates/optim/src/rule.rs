//! What the author of an optimizer writes, and what the driver hands to it.

use ravine_tensor::{Float, Shape, Tensor};

use crate::Decay;

/// How an optimizer changes a parameter: all that the author of a new one writes. The crate's [front page](crate) shows a whole one.
///
/// Clipping and weight decay are not the rule's business: the gradient that it sees has them in it. (`T` is there so that
/// our rules can be compared with others in `f64`; write `impl Rule for ...` and forget it.)
pub trait Rule<T: Float = f32>: Send + Sync + 'static {
    /// The name of the rule, as saved states know it.
    const NAME: &'static str;

    /// How weights decay under this rule, unless the user says otherwise, ...
    const DECAY: Decay = Decay::L2;
    /// ... and how much.
    const WEIGHT_DECAY: f64 = 0.0;

    /// The names of the tensors that the rule keeps of each parameter under its present settings. They are zero at first, and saved
    /// in checkpoints.
    fn slots(&self) -> &'static [&'static str] {
        &[]
    }

    /// The shape of a slot of a parameter of this shape: the same, unless the rule keeps less.
    fn slot_shape(&self, slot: &str, param: &Shape) -> Shape {
        let _ = slot;
        *param
    }

    /// Changes one parameter, once, by [`Step::each`] or [`Step::whole`].
    ///
    /// Several threads call it at once, each for another parameter. It may hold a lock while it uses kernels, which need no other thread. (What
    /// it keeps behind one is not in checkpoints, and the order in which parameters come to it is open.)
    fn update(&self, step: Step<T>);

    /// What is wrong with the settings, if anything is: `beta1: found 1, expected from 0 to below 1`. The driver panics with it.
    fn fault(&self) -> Option<String> {
        None
    }

    /// The largest product of rate and curvature at which the rule does not diverge on a quadratic, where such a number is known:
    /// 2 for plain gradient descent, `2 + 2 momentum` for a heavy ball.
    fn stability_limit(&self) -> Option<f64> {
        None
    }

    /// The product of rate and curvature at which the rule loses least on its way down a quadratic, where such a number is known: from
    /// rest, the sum of the losses of all steps is least. 1 for plain gradient descent, `1 - momentum²` for a heavy ball.
    fn quickest(&self) -> Option<f64> {
        None
    }

    /// The value with which the model should be used, if it is not the one that is trained: an average, say.
    fn averaged(&self, w: &Tensor<T>, slots: &[Tensor<T>]) -> Option<Tensor<T>> {
        let _ = (w, slots);
        None
    }
}

/// One step of one parameter: what a [`Rule`] is told, and the tensors that it changes.
pub struct Step<'a, T: Float = f32> {
    /// The learning rate, as schedule and group say.
    pub rate: f64,
    /// How often this parameter has been updated, this time included: 1 at first.
    pub count: u64,
    /// The weight decay that the rule applies itself; 0 unless it is of the kind [`Decay::Own`].
    pub weight_decay: f64,
    rule: &'static str,
    shaping: Shaping,
    w: &'a mut Tensor<T>,
    g: &'a Tensor<T>,
    slots: &'a mut [Tensor<T>],
}

impl<'a, T: Float> Step<'a, T> {
    /// A step outside an [`Optimizer`](crate::Optimizer), to try a rule alone: of parameter `w` by gradient `g` with `slots` as
    /// [`Rule::slots`] names them. There is neither clipping nor weight decay in it.
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

    /// The same step with the gradient and the weights shaped by clipping and decay.
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

    /// Changes each weight by itself: `f(&mut w[i], g[i], [&mut slot[i], ...])` for all `i`, in one pass over memory.
    ///
    /// # Panics
    /// If `f` does not take as many slots as the rule names, or one has not the shape of the parameter.
    #[track_caller]
    pub fn each<const N: usize>(self, f: impl Fn(&mut T, T, [&mut T; N]) + Sync) {
        let Step { rate, rule, shaping, w, g, .. } = self;
        let slots = named(rule, self.slots);
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

    /// Changes the parameter as a whole: `f(w, g, [slot, ...])`, for rules that need norms, rows and columns, or matrix products.
    ///
    /// # Panics
    /// If `f` does not take as many slots as the rule names, or gives the parameter or a slot another shape.
    #[track_caller]
    pub fn whole<const N: usize>(self, f: impl FnOnce(&mut Tensor<T>, &Tensor<T>, [&mut Tensor<T>; N])) {
        let Step { rate, rule, shaping, w, g, .. } = self;
        let slots = named(rule, self.slots);
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

/// The slots one by one, if there are `N`.
#[track_caller]
fn named<'a, T: Float, const N: usize>(rule: &str, slots: &'a mut [Tensor<T>]) -> [&'a mut Tensor<T>; N] {
    let count = slots.len();
    match <&mut [Tensor<T>; N]>::try_from(slots) {
        Ok(slots) => slots.each_mut(),
        Err(_) => panic!("{rule}: slots() names {count} slots, but the update takes {N}"),
    }
}

/// What the driver does to gradient and weights around a rule. It is done in the rule's own pass over memory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shaping {
    /// Elements of the gradient are held between `-limit` and `limit`, ...
    pub limit: f64,
    /// ... and then multiplied by this, which is negative to climb instead of descend.
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

/// `x` held between `-limit` and `limit`; NaN stays NaN.
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
