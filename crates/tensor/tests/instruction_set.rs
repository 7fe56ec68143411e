//! The environment variable that limits the instruction set. It is read once in a process, so this test has one of its own.

#![cfg(target_arch = "x86_64")]

use ravine_tensor::{Rng, Tensor, instruction_set};

#[test]
fn without_fused_multiply_adds_products_have_the_bits_of_plain_sums() {
    // SAFETY: no other thread reads or writes the environment: this is the only test here, and no kernel has run yet.
    unsafe { std::env::set_var("RAVINE_ISA", "portable") };
    let rng = &mut Rng::new(0);
    let [a, b] = [Tensor::<f32>::randn([9, 40], rng), Tensor::<f32>::randn([40, 9], rng)];
    let plain = Tensor::from_fn([9, 9], |at| {
        (0..40).fold(0.0, |sum, p| sum + a.to_vec()[at / 9 * 40 + p] * b.to_vec()[p * 9 + at % 9])
    });
    assert_eq!(instruction_set(), "portable");
    assert_eq!(a.matmul(&b), plain);
}
