//! Models as plain structs: how their parameters are found and named.

use crate::param::{Buffer, Param};

/// Something with parameters: a layer, a model, or a part of one.
///
/// Derive it. Each field is visited in order and gives its name to the path: the weight of `layers: Vec<Linear>`'s second
/// element is `layers.1.weight`. Fields of plain types (numbers, `bool`, `String`) hold no parameters and are passed over;
/// other fields that are not modules are marked `#[module(skip)]`.
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
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a `Module`",
    label = "this field is not a module",
    note = "derive it with `#[derive(Module)]`, or mark the field `#[module(skip)]` if it holds no parameters"
)]
pub trait Module {
    /// Shows each part to `visitor`, in order.
    fn visit(&self, visitor: &mut Visitor<'_>);

    /// The parameters, each with its path, in the order of the fields. A tied parameter is listed at each of its places.
    fn named_params(&self) -> Vec<(String, Param)> {
        let mut found = Vec::new();
        walk(self, &mut |path, leaf| {
            if let Leaf::Param(param) = leaf {
                found.push((path.to_owned(), param.tied()));
            }
        });
        found
    }

    /// The buffers, each with its path, in the order of the fields. They are the model's own, not copies.
    fn named_buffers(&self) -> Vec<(String, Buffer)> {
        let mut found = Vec::new();
        walk(self, &mut |path, leaf| {
            if let Leaf::Buffer(buffer) = leaf {
                found.push((path.to_owned(), buffer.same()));
            }
        });
        found
    }

    /// The number of trained numbers: the elements of all parameters, tied ones counted once.
    fn num_params(&self) -> usize {
        let mut seen: Vec<Param> = Vec::new();
        for (_, param) in self.named_params() {
            if !seen.iter().any(|p| p.is(&param)) {
                seen.push(param);
            }
        }
        seen.iter().map(|p| p.shape().numel()).sum()
    }

    /// Freezes the parameters whose path satisfies `which`, and thaws the others.
    fn freeze(&self, which: &dyn Fn(&str) -> bool) {
        for (path, param) in self.named_params() {
            param.set_frozen(which(&path));
        }
    }
}

/// What a walk over a module meets at the end of a path.
pub enum Leaf<'a> {
    /// A trained tensor.
    Param(&'a Param),
    /// A tensor that is kept but not trained.
    Buffer(&'a Buffer),
}

/// A walk over a module: where it is, and what it does with each leaf.
pub struct Visitor<'a> {
    path: String,
    meet: &'a mut dyn FnMut(&str, Leaf<'_>),
}

impl<'a> Visitor<'a> {
    /// A walk that shows each parameter and buffer, with its path, to `meet`: `module.visit(&mut Visitor::new(&mut |path, leaf| ...))`.
    pub fn new(meet: &'a mut dyn FnMut(&str, Leaf<'_>)) -> Self {
        Visitor { path: String::new(), meet }
    }

    /// Visits a part under the name by which its owner knows it.
    pub fn field<M: Module + ?Sized>(&mut self, name: &str, part: &M) {
        let parent = self.path.len();
        if parent > 0 {
            self.path.push('.');
        }
        self.path.push_str(name);
        part.visit(self);
        self.path.truncate(parent);
    }
}

fn walk<M: Module + ?Sized>(module: &M, meet: &mut dyn FnMut(&str, Leaf<'_>)) {
    module.visit(&mut Visitor::new(meet));
}

impl Module for Param {
    fn visit(&self, visitor: &mut Visitor<'_>) {
        (visitor.meet)(&visitor.path, Leaf::Param(self));
    }
}

impl Module for Buffer {
    fn visit(&self, visitor: &mut Visitor<'_>) {
        (visitor.meet)(&visitor.path, Leaf::Buffer(self));
    }
}

impl<M: Module> Module for [M] {
    fn visit(&self, visitor: &mut Visitor<'_>) {
        for (i, part) in self.iter().enumerate() {
            visitor.field(&i.to_string(), part);
        }
    }
}

impl<M: Module> Module for Vec<M> {
    fn visit(&self, visitor: &mut Visitor<'_>) {
        self.as_slice().visit(visitor);
    }
}

impl<M: Module, const N: usize> Module for [M; N] {
    fn visit(&self, visitor: &mut Visitor<'_>) {
        self.as_slice().visit(visitor);
    }
}

impl<M: Module> Module for Option<M> {
    fn visit(&self, visitor: &mut Visitor<'_>) {
        if let Some(part) = self {
            part.visit(visitor);
        }
    }
}

impl<M: Module + ?Sized> Module for Box<M> {
    fn visit(&self, visitor: &mut Visitor<'_>) {
        (**self).visit(visitor);
    }
}

impl<A: Module, B: Module> Module for (A, B) {
    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.field("0", &self.0);
        visitor.field("1", &self.1);
    }
}

impl<A: Module, B: Module, C: Module> Module for (A, B, C) {
    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.field("0", &self.0);
        visitor.field("1", &self.1);
        visitor.field("2", &self.2);
    }
}

macro_rules! without_parameters {
    ($($t:ty)*) => {$(
        impl Module for $t {
            fn visit(&self, _visitor: &mut Visitor<'_>) {}
        }
    )*};
}
without_parameters!(() bool u8 u16 u32 u64 usize i8 i16 i32 i64 isize f32 f64 String &'static str);

#[cfg(test)]
mod tests {
    use ravine_tensor::Tensor;

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

    #[test]
    fn paths_follow_the_fields() {
        let model = Model {
            layers: vec![Layer::new(true), Layer::new(false)],
            head: (param(3), [param(4), param(5)]),
            boxed: Box::new(Layer::new(false)),
            name: "m".into(),
        };
        assert_eq!((model.layers[0].stride, model.name.to_str()), (1, Some("m")));
        let names: Vec<_> = model.named_params().into_iter().map(|(path, _)| path).collect();
        let want = "layers.0.weight layers.0.bias layers.1.weight head.0 head.1.0 head.1.1 boxed.weight";
        assert_eq!(names.join(" "), want);
        let buffers: Vec<_> = model.named_buffers().into_iter().map(|(path, _)| path).collect();
        assert_eq!(buffers, ["layers.0.mean", "layers.1.mean", "boxed.mean"]);
        assert_eq!(model.num_params(), 2 + 1 + 2 + 3 + 4 + 5 + 2);
        model.freeze(&|path| path.starts_with("layers."));
        assert!(model.layers[1].weight.is_frozen() && !model.head.0.is_frozen());
    }

    #[test]
    fn tied_parameters_are_counted_once() {
        let weight = param(7);
        let pair = (weight.tied(), weight);
        assert_eq!(pair.num_params(), 7);
        assert_eq!(pair.named_params().len(), 2);
    }
}
