extern crate ravine_autograd as ravine;

#[derive(ravine::Module)]
struct Named {
    #[module(name = "gamma")]
    weight: ravine::Param,
}

#[derive(ravine::Module)]
enum Skipped {
    #[module(skip)]
    One(f32),
}

#[derive(ravine::Module)]
#[module(skip)]
struct Whole;

#[derive(ravine::Module)]
struct Twice {
    #[module(unless = 3)]
    stride: usize,
}

#[derive(ravine::Module)]
struct Empty {
    #[module()]
    weight: ravine::Param,
}

fn main() {}
