extern crate ravine_autograd as ravine;

use ravine::{Module, Param};

#[derive(Module)]
struct Layer {
    weight: Param,
    folder: std::path::PathBuf,
}

#[derive(Module)]
enum Choice {
    Layers(Vec<std::time::Duration>),
}

// One that holds parameters is not for `skip`.
#[derive(Module)]
struct ByName {
    layers: std::collections::HashMap<String, Layer>,
}

fn main() {}
