extern crate ravine_autograd as ravine;

use ravine::Module;

#[derive(Module)]
struct Twice<L> {
    layers: [L; 2],
}

fn main() {
    Twice { layers: [std::time::Duration::ZERO; 2] }.num_params();
}
