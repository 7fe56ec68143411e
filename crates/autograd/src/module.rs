//! Models as plain structs: how their parameters are found and named.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::Arc;

use ravine_tensor::Tensor;

use crate::param::{Buffer, Leaf, Param};
use crate::tree::Tree;

/// Something with parameters: a layer, a model, or a part of one.
///
/// Derive it. Each field is visited in order and gives its name to the path: the weight of `layers: Vec<Linear>`'s second
/// element is `layers.1.weight`. Fields of plain types (numbers, `bool`, `String`) hold no parameters and are passed over;
/// other fields that are not modules are marked `#[module(skip)]`, or `#[module(setting)]` if they should be seen in the model's
/// [`tree`](Self::tree) as the plain ones are. `#[module(display)]` on the type lets `println!("{model}")` print the tree.
///
/// ```
/// # extern crate ravine_autograd as ravine;
/// use ravine_autograd::{Module, Param};
/// use ravine_tensor::Tensor;
///
/// #[derive(Module)]
/// struct Affine {
///     weight: Param,
///     bias: Option<Param>,
///     scale: f32,
/// }
///
/// let affine = Affine { weight: Param::new(Tensor::ones([3])), bias: None, scale: 2.0 };
/// let names: Vec<String> = affine.named_params().into_iter().map(|(path, _)| path).collect();
/// assert_eq!(names, ["weight"]);
/// ```
///
/// Structs and enums, with or without generics, can be derived, and hold `Vec`, `Option`, `Box`, arrays, tuples, `BTreeMap<String, _>` (its
/// keys are the names) and `Arc` of modules. (A `HashMap` is none, because it has no order, nor is an `Rc`, because models are shared among threads.) A part that is used in two places is an `Arc`, or a [`Param`] that is [tied](Param::tied):
/// it is trained and counted once.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a `Module`",
    label = "this field is not a module",
    note = "derive it with `#[derive(Module)]`, or mark the field `#[module(skip)]` or `#[module(setting)]` if it holds no parameters",
    note = "parameters are held by `Param`s, tensors that are not trained by `Buffer`s, and modules by `Vec`, `Option`, `Box`, `Arc`, arrays, tuples and `BTreeMap<String, _>`"
)]
pub trait Module {
    /// Shows each part to `visitor`, in order.
    fn visit(&self, visitor: &mut Visitor<'_>);

    /// What this is in a drawing of the model: a module, with the name of its type.
    fn part(&self) -> Part {
        Part::Module(short_name(std::any::type_name::<Self>()))
    }

    /// The parameters, each with its path, in the order of the fields. A tied parameter is listed under each of its paths.
    #[doc(alias("named_parameters", "parameters"))]
    fn named_params(&self) -> Vec<(String, Param)> {
        params_of(&|visitor| self.visit(visitor))
    }

    /// The parameters as [`named_params`](Self::named_params) lists them, but each tied one only at its first path: what an optimizer updates.
    fn distinct_params(&self) -> Vec<(String, Param)> {
        distinct(params_of(&|visitor| self.visit(visitor)))
    }

    /// The buffers, each with its path, in the order of the fields. They are the model's own, not copies.
    fn named_buffers(&self) -> Vec<(String, Buffer)> {
        leaves(&|visitor| self.visit(visitor), |leaf| {
            if let Leaf::Buffer(buffer) = leaf { Some(buffer.same()) } else { None }
        })
    }

    /// The number of elements of all parameters, tied ones counted once.
    #[doc(alias = "numel")]
    fn num_params(&self) -> usize {
        count(&|visitor| self.visit(visitor))
    }

    /// The model as a tree of names, types and shapes, to be printed.
    ///
    /// ```
    /// # extern crate ravine_autograd as ravine;
    /// use ravine_autograd::{Module, Param};
    /// use ravine_tensor::Tensor;
    ///
    /// #[derive(Module)]
    /// struct Scale {
    ///     weight: Param,
    ///     eps: f64,
    ///     #[module(setting, unless = [1, 1])]
    ///     stride: [usize; 2],
    /// }
    ///
    /// #[derive(Module)]
    /// #[module(display)]
    /// struct Pair { scales: Vec<Scale>, bias: Option<Param> }
    ///
    /// let scale = |stride| Scale { weight: Param::new(Tensor::ones([3])), eps: 1e-5, stride };
    /// let pair = Pair { scales: vec![scale([1, 1]), scale([2, 2])], bias: None };
    /// let tree = "\
    /// Pair: 6 parameters
    /// └─ scales
    ///    ├─ 0: Scale (eps 1e-5)
    ///    │  └─ weight [3]
    ///    └─ 1: Scale (eps 1e-5, stride [2, 2])
    ///       └─ weight [3]
    /// ";
    /// assert_eq!(pair.tree().to_string(), tree);
    /// assert_eq!(pair.to_string(), tree); // by `display`
    /// ```
    #[doc(alias = "extra_repr")]
    fn tree(&self) -> Tree {
        Tree::of(self.part(), &|visitor| self.visit(visitor))
    }

    /// Freezes the parameters whose path satisfies `which`, and thaws the others: `model.freeze(|path| path.starts_with("encoder."))`.
    #[doc(alias = "requires_grad_")]
    fn freeze(&self, which: impl Fn(&str) -> bool)
    where
        Self: Sized,
    {
        for (path, param) in self.named_params() {
            param.set_frozen(which(&path));
        }
    }

    /// Replaces the value of each parameter by what `f` makes of its path and value; a tied parameter once, under its first path.
    ///
    /// ```
    /// use ravine_autograd::{Module, Param};
    /// use ravine_tensor::Tensor;
    ///
    /// let model = (Param::new(Tensor::ones([2])), Param::new(Tensor::ones([3])));
    /// model.map_params(|path, value| if path == "1" { value * 0.5 } else { value.clone() });
    /// assert_eq!((model.0.value().at([0]), model.1.value().at([0])), (1.0, 0.5));
    /// ```
    ///
    /// # Panics
    /// If `f` changes a shape.
    #[track_caller]
    #[doc(alias = "apply")]
    fn map_params(&self, mut f: impl FnMut(&str, &Tensor) -> Tensor)
    where
        Self: Sized,
    {
        for (path, param) in self.distinct_params() {
            param.set(f(&path, &param.value()));
        }
    }
}

/// What kind of field a walk has reached, for drawing the model.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// A module, with the short name of its type.
    Module(String),
    /// A parameter or a buffer.
    Leaf,
    /// Several parts, without a name of their own.
    List,
    /// A plain value.
    Setting(String),
    /// Nothing, such as a `None`.
    Nothing,
}

/// A walk over a module: its current path, and what it does with each leaf.
pub struct Visitor<'a> {
    path: String,
    meet: &'a mut dyn FnMut(&str, Leaf<'_>),
    depth: usize,
    enter: Option<&'a mut dyn FnMut(usize, &str, Part)>,
}

impl<'a> Visitor<'a> {
    /// A walk that shows each parameter and buffer, with its path, to `meet`: `module.visit(&mut Visitor::new(&mut |path, leaf| ...))`.
    pub fn new(meet: &'a mut dyn FnMut(&str, Leaf<'_>)) -> Self {
        Visitor { path: String::new(), meet, depth: 0, enter: None }
    }

    /// A walk that also calls `enter(depth, name, part)` for every field, before the fields inside it. The first level has depth 1.
    pub fn with_parts(
        enter: &'a mut dyn FnMut(usize, &str, Part),
        meet: &'a mut dyn FnMut(&str, Leaf<'_>),
    ) -> Self {
        Visitor { path: String::new(), meet, depth: 0, enter: Some(enter) }
    }

    /// Visits a part under the name by which its owner knows it.
    pub fn field<M: Module + ?Sized>(&mut self, name: &str, part: &M) {
        let parent = self.path.len();
        if parent > 0 {
            self.path.push('.');
        }
        self.path.push_str(name);
        self.depth += 1;
        if let Some(enter) = &mut self.enter {
            enter(self.depth, name, part.part());
        }
        part.visit(self);
        self.depth -= 1;
        self.path.truncate(parent);
    }

    /// Reports a plain value of the module, to be shown in its tree; the derive does so for `#[module(setting)]`.
    pub fn setting(&mut self, name: &str, value: &dyn std::fmt::Debug) {
        if let Some(enter) = &mut self.enter {
            enter(self.depth + 1, name, Part::Setting(format!("{value:?}")));
        }
    }
}

/// Takes a visitor through some model. Code that takes a `Walk` is compiled once, not once for every type of model.
pub(crate) type Walk<'a> = &'a dyn Fn(&mut Visitor<'_>);

/// The leaves for which `keep` returns something, each with its path.
fn leaves<T>(walk: Walk<'_>, keep: fn(Leaf<'_>) -> Option<T>) -> Vec<(String, T)> {
    let mut found = Vec::new();
    walk(&mut Visitor::new(&mut |path, leaf| {
        found.extend(keep(leaf).map(|kept| (path.to_owned(), kept)));
    }));
    found
}

fn params_of(walk: Walk<'_>) -> Vec<(String, Param)> {
    leaves(walk, |leaf| if let Leaf::Param(param) = leaf { Some(param.tied()) } else { None })
}

/// The number of elements of all parameters, tied ones counted once.
pub(crate) fn count(walk: Walk<'_>) -> usize {
    distinct(params_of(walk)).iter().map(|(_, param)| param.shape().numel()).sum()
}

/// The parameters, tied ones under their first path.
fn distinct(mut params: Vec<(String, Param)>) -> Vec<(String, Param)> {
    let mut seen = std::collections::HashSet::new();
    params.retain(|(_, param)| seen.insert(param.key()));
    params
}

/// `a::b::Model<c::Layer>` as `Model<Layer>`.
fn short_name(full: &str) -> String {
    let mut short = String::new();
    for piece in full.split_inclusive(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')) {
        short.push_str(piece.rsplit("::").next().expect("a last segment"));
    }
    short
}

impl Module for Param {
    fn visit(&self, visitor: &mut Visitor<'_>) {
        (visitor.meet)(&visitor.path, Leaf::Param(self));
    }
    fn part(&self) -> Part {
        Part::Leaf
    }
}

impl Module for Buffer {
    fn visit(&self, visitor: &mut Visitor<'_>) {
        (visitor.meet)(&visitor.path, Leaf::Buffer(self));
    }
    fn part(&self) -> Part {
        Part::Leaf
    }
}

impl<M: Module> Module for [M] {
    fn visit(&self, visitor: &mut Visitor<'_>) {
        for (i, part) in self.iter().enumerate() {
            visitor.field(&i.to_string(), part);
        }
    }
    fn part(&self) -> Part {
        Part::List
    }
}

impl<M: Module> Module for Vec<M> {
    fn visit(&self, visitor: &mut Visitor<'_>) {
        self.as_slice().visit(visitor);
    }
    fn part(&self) -> Part {
        Part::List
    }
}

impl<M: Module, const N: usize> Module for [M; N] {
    fn visit(&self, visitor: &mut Visitor<'_>) {
        self.as_slice().visit(visitor);
    }
    fn part(&self) -> Part {
        Part::List
    }
}

impl<M: Module> Module for BTreeMap<String, M> {
    fn visit(&self, visitor: &mut Visitor<'_>) {
        self.iter().for_each(|(name, part)| visitor.field(name, part));
    }
    fn part(&self) -> Part {
        Part::List
    }
}

impl<M: Module> Module for Option<M> {
    fn visit(&self, visitor: &mut Visitor<'_>) {
        if let Some(part) = self {
            part.visit(visitor);
        }
    }
    fn part(&self) -> Part {
        self.as_ref().map_or(Part::Nothing, Module::part)
    }
}

/// Pointers are what they point to.
macro_rules! pointers {
    ($($pointer:ty)*) => {$(
        impl<M: Module + ?Sized> Module for $pointer {
            fn visit(&self, visitor: &mut Visitor<'_>) {
                (**self).visit(visitor);
            }
            fn part(&self) -> Part {
                (**self).part()
            }
        }
    )*};
}
pointers!(Box<M> Arc<M> &M);

macro_rules! tuples {
    ($(($($M:ident $i:tt),+))*) => {$(
        impl<$($M: Module),+> Module for ($($M,)+) {
            fn visit(&self, visitor: &mut Visitor<'_>) {
                $(visitor.field(stringify!($i), &self.$i);)+
            }
            fn part(&self) -> Part {
                Part::List
            }
        }
    )*};
}
tuples! {
    (A 0)
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
    (A 0, B 1, C 2, D 3, E 4)
    (A 0, B 1, C 2, D 3, E 4, F 5)
}

macro_rules! settings {
    ($($t:ty)*) => {$(
        impl Module for $t {
            fn visit(&self, _visitor: &mut Visitor<'_>) {}
            fn part(&self) -> Part {
                Part::Setting(format!("{self:?}"))
            }
        }
    )*};
}
settings!(bool char u8 u16 u32 u64 usize i8 i16 i32 i64 isize f32 f64 String str);

impl Module for () {
    fn visit(&self, _visitor: &mut Visitor<'_>) {}
    fn part(&self) -> Part {
        Part::Nothing
    }
}

impl<T: ?Sized> Module for PhantomData<T> {
    fn visit(&self, _visitor: &mut Visitor<'_>) {}
    fn part(&self) -> Part {
        Part::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn param(n: usize) -> Param {
        Param::new(Tensor::zeros([n]))
    }

    #[derive(crate::Module)]
    struct Layer {
        weight: Param,
        bias: Option<Param>,
        mean: Buffer,
        stride: usize,
    }

    impl Layer {
        fn new(bias: bool) -> Self {
            Layer {
                weight: param(2),
                bias: bias.then(|| param(1)),
                mean: Buffer::new(Tensor::zeros([1])),
                stride: 1,
            }
        }
    }

    #[derive(crate::Module)]
    struct Model {
        layers: Vec<Layer>,
        head: (Param, [Param; 2]),
        boxed: Box<dyn Module>,
        #[module(skip)]
        name: std::path::PathBuf,
    }

    fn paths(module: &dyn Module) -> String {
        module.named_params().into_iter().map(|(path, _)| path).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn paths_follow_the_fields() {
        let model = Model {
            layers: vec![Layer::new(true), Layer::new(false)],
            head: (param(3), [param(4), param(5)]),
            boxed: Box::new(Layer::new(false)),
            name: "m".into(),
        };
        assert_eq!((model.layers[0].stride, model.name.to_str()), (1, Some("m")));
        let want = "layers.0.weight layers.0.bias layers.1.weight head.0 head.1.0 head.1.1 boxed.weight";
        assert_eq!(paths(&model), want);
        let buffers: Vec<_> = model.named_buffers().into_iter().map(|(path, _)| path).collect();
        assert_eq!(buffers, ["layers.0.mean", "layers.1.mean", "boxed.mean"]);
        assert_eq!(model.num_params(), 2 + 1 + 2 + 3 + 4 + 5 + 2);
        model.freeze(|path| path.starts_with("layers."));
        assert!(model.layers[1].weight.is_frozen() && !model.head.0.is_frozen());
    }

    /// A choice of bodies, over any kind of part.
    #[derive(crate::Module)]
    enum Body<M, const N: usize> {
        Empty,
        Stack([M; N]),
        Named { first: M, r#type: M },
    }

    #[derive(crate::Module)]
    struct Generic<'a, M: Clone, T> {
        body: Body<M, 2>,
        kept: &'a M,
        extra: BTreeMap<String, Option<M>>,
        marker: PhantomData<T>,
        #[module(skip)]
        by: T,
    }

    #[test]
    fn generics_enums_and_maps() {
        let shared = param(1);
        let generic = |body| Generic {
            body,
            kept: &shared,
            extra: [("b".into(), Some(param(1))), ("a".into(), None)].into(),
            marker: PhantomData,
            by: std::time::Duration::ZERO,
        };
        assert_eq!(paths(&generic(Body::Empty)), "kept extra.b");
        assert_eq!(paths(&generic(Body::Stack([param(1), param(1)]))), "body.0.0 body.0.1 kept extra.b");
        let named = generic(Body::Named { first: param(1), r#type: param(1) });
        assert_eq!((paths(&named), named.by.as_secs()), ("body.first body.type kept extra.b".into(), 0));
    }

    #[test]
    fn tied_parameters_are_counted_once() {
        let weight = param(7);
        let pair = (weight.tied(), weight);
        assert_eq!(pair.num_params(), 7);
        assert_eq!(pair.named_params().len(), 2);
        let paths: Vec<String> = pair.distinct_params().into_iter().map(|(path, _)| path).collect();
        assert_eq!(paths, ["0"]);
        pair.map_params(|path, value| value + if path == "0" { 1.0 } else { 100.0 });
        assert_eq!(pair.1.value().at([0]), 1.0);
        let layer = Arc::new(Layer::new(true));
        assert_eq!([layer.clone(), layer].num_params(), 3);
    }

    #[test]
    fn names_of_types_are_short() {
        assert_eq!(short_name("a::b::Model<c::Layer, [d::E; 2], &dyn f::G>"), "Model<Layer, [E; 2], &dyn G>");
        assert_eq!(Layer::new(true).part(), Part::Module("Layer".into()));
    }
}
