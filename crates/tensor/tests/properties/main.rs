//! Every op against a reference that looks up one element after another, over random shapes, strides, offsets and views.

mod generators;
mod index;
mod join;
mod mask;
mod pad;
mod repeat;
mod scatter;
mod slice;
