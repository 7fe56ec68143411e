//! What the derive makes of types that are not simple, and what the compiler says when it cannot be.

// The macro writes `::ravine::Module`.
extern crate ravine_autograd as ravine;

use std::marker::PhantomData;

use ravine::{Module, Param};
use ravine_tensor::Tensor;

#[test]
fn errors_of_the_derive_help() {
    trybuild::TestCases::new().compile_fail("tests/derive/*.rs");
}

fn param() -> Param {
    Param::new(Tensor::ones([2]))
}

fn paths(module: &dyn Module) -> Vec<String> {
    module.named_params().into_iter().map(|(path, _)| path).collect()
}

/// A family of layers, which is no layer itself.
trait Family: 'static {
    type Layer: Module;
}

struct Plain;

impl Family for Plain {
    type Layer = Param;
}

#[derive(Module)]
struct OfFamily<'a, F: Family> {
    first: F::Layer,
    others: Vec<<F as Family>::Layer>,
    family: [PhantomData<F>; 1],
    name: &'a str,
}

#[test]
fn what_is_associated_with_a_type_parameter_is_walked() {
    let name = String::from("of a family");
    let model =
        OfFamily::<Plain> { first: param(), others: vec![param()], family: [PhantomData], name: &name };
    assert_eq!(paths(&model), ["first", "others.0"]);
    assert!(model.tree().to_string().contains("name \"of a family\""), "{}", model.tree());
}

/// A name that the prelude has, too.
#[expect(dead_code)]
enum Option {
    Some,
    None,
}

macro_rules! model {
    ($name:ident { $($field:ident: $type:ty),* } else $usual:expr) => {
        #[derive(Module)]
        #[module(display)]
        struct $name {
            $($field: $type,)*
            own: Param,
            #[module(setting, unless = $usual)]
            stride: usize,
            #[module(skip)]
            choice: Option,
        }
    };
}

model!(Made { visitor: Param, r#type: Vec<Param> } else 1);

#[test]
fn a_struct_may_come_out_of_a_macro_and_names_may_be_taken() {
    let model =
        Made { visitor: param(), r#type: vec![param()], own: param(), stride: 2, choice: Option::None };
    assert_eq!(paths(&model), ["visitor", "type.0", "own"]);
    assert!(
        matches!(model.choice, Option::None)
            && model.to_string().starts_with("Made (stride 2): 6 parameters")
    );
}
