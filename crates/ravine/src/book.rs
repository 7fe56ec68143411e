//! Keeps the programs in the README and in the book true: each is a test.

macro_rules! pages {
    ($($name:ident: $file:literal;)*) => {$(
        #[doc = include_str!(concat!("../../..", $file))]
        struct $name;
    )*};
}

pages! {
    Readme: "/README.md";
    QuickStart: "/docs/quick_start.md";
    Tensors: "/docs/tensors.md";
    Tape: "/docs/tape.md";
    FirstModel: "/docs/first_model.md";
    TrainingLoop: "/docs/training_loop.md";
    Data: "/docs/data.md";
    SameBits: "/docs/same_bits.md";
    Optimizers: "/docs/optimizers.md";
    Searching: "/docs/sweep.md";
    WritingAnOptimizer: "/docs/writing_an_optimizer.md";
    CustomOp: "/docs/custom_op.md";
    WritingALayer: "/docs/writing_a_layer.md";
    WritingADataset: "/docs/writing_a_dataset.md";
    Saving: "/docs/saving.md";
    Debugging: "/docs/debugging.md";
    FromPyTorch: "/docs/from_pytorch.md";
}
