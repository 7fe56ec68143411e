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
    Tape: "/docs/tape.md";
    FirstModel: "/docs/first_model.md";
    TrainingLoop: "/docs/training_loop.md";
    SameBits: "/docs/same_bits.md";
    CustomOp: "/docs/custom_op.md";
    WritingALayer: "/docs/writing_a_layer.md";
    WritingADataset: "/docs/writing_a_dataset.md";
    Debugging: "/docs/debugging.md";
}
