//! The engine, apart from any particular op.

// The derive macro writes `::ravine::Module`.
extern crate ravine_autograd as ravine;

mod checkpoint;
mod control;
mod diagnosis;
mod economy;
mod edges;
mod higher_order;
mod substitute;
mod tape;
mod threads;
