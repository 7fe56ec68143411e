extern crate ravine_autograd as ravine;

#[derive(ravine::Module)]
union Either {
    one: f32,
    other: u32,
}

fn main() {}
