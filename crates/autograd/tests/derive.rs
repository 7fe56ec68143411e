//! What the compiler says when a derive cannot be.

#[test]
fn errors_of_the_derive_help() {
    trybuild::TestCases::new().compile_fail("tests/derive/*.rs");
}
