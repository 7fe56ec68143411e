//! Type erasure: any rule as one type.

use std::sync::Arc;

use ravine_tensor::{Shape, Tensor};

use crate::{Decay, Rule, Step};

/// The rule under test, type-erased, so that the checks are compiled only once.
#[derive(Clone)]
pub(super) struct Tested(Arc<dyn AnyRule>);

impl Tested {
    pub fn new(rule: impl Rule) -> Self {
        Tested(Arc::new(rule))
    }

    /// [`Rule::NAME`].
    pub fn name(&self) -> &'static str {
        self.0.name()
    }

    /// The rule's own kind and amount of weight decay.
    pub fn decay(&self) -> (Decay, f64) {
        self.0.decay()
    }
}

/// [`Rule`] as an object-safe trait: without its associated constants.
trait AnyRule: Send + Sync {
    fn name(&self) -> &'static str;
    fn decay(&self) -> (Decay, f64);
    fn slots(&self) -> &'static [&'static str];
    fn slot_shape(&self, slot: &str, param: &Shape) -> Shape;
    fn update(&self, step: Step);
    fn fault(&self) -> Option<String>;
    fn stability_limit(&self) -> Option<f64>;
    fn quickest(&self) -> Option<f64>;
    fn averaged(&self, w: &Tensor, slots: &[Tensor]) -> Option<Tensor>;
}

impl<R: Rule> AnyRule for R {
    fn name(&self) -> &'static str {
        R::NAME
    }

    fn decay(&self) -> (Decay, f64) {
        (R::DECAY, R::WEIGHT_DECAY)
    }

    fn slots(&self) -> &'static [&'static str] {
        Rule::slots(self)
    }

    fn slot_shape(&self, slot: &str, param: &Shape) -> Shape {
        Rule::slot_shape(self, slot, param)
    }

    fn update(&self, step: Step) {
        Rule::update(self, step.named(R::NAME));
    }

    fn fault(&self) -> Option<String> {
        Rule::fault(self)
    }

    fn stability_limit(&self) -> Option<f64> {
        Rule::stability_limit(self)
    }

    fn quickest(&self) -> Option<f64> {
        Rule::quickest(self)
    }

    fn averaged(&self, w: &Tensor, slots: &[Tensor]) -> Option<Tensor> {
        Rule::averaged(self, w, slots)
    }
}

impl Rule for Tested {
    const NAME: &'static str = "Tested";

    fn slots(&self) -> &'static [&'static str] {
        self.0.slots()
    }

    fn slot_shape(&self, slot: &str, param: &Shape) -> Shape {
        self.0.slot_shape(slot, param)
    }

    fn update(&self, step: Step) {
        self.0.update(step);
    }

    fn fault(&self) -> Option<String> {
        self.0.fault()
    }

    fn stability_limit(&self) -> Option<f64> {
        self.0.stability_limit()
    }

    fn quickest(&self) -> Option<f64> {
        self.0.quickest()
    }

    fn averaged(&self, w: &Tensor, slots: &[Tensor]) -> Option<Tensor> {
        self.0.averaged(w, slots)
    }
}
