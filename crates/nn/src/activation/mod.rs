//! Activations as layers, for chains. Those without a setting are unit structs; each is a method of [`Var`](ravine_autograd::Var), too.
//!
//! The chapters: `rectifiers` (straight on each side of 0, or nearly), `smooth`, `hard` (piecewise linear approximations), `gated` (one half
//! of the input gates the other), `softmax`.

/// Layers without settings: doc, name, and the op of [`Var`] that each is.
macro_rules! activations {
    ($($(#[$doc:meta])* $name:ident = $op:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, Module)]
        #[module(display)]
        pub struct $name;

        impl Layer for $name {
            #[track_caller]
            fn forward(&self, x: &Var) -> Var {
                x.$op()
            }
        }
    )*};
}

mod gated;
mod hard;
mod rectifiers;
mod smooth;
mod softmax;

pub use gated::{Glu, SwiGlu};
pub use hard::{Hardsigmoid, Hardswish, Hardtanh, Relu6};
pub use rectifiers::{Elu, LeakyRelu, PRelu, Relu, Selu};
pub use smooth::{Gelu, GeluTanh, LogSigmoid, Mish, Sigmoid, Silu, Softplus, Softsign, Tanh};
pub use softmax::{LogSoftmax, Softmax};
