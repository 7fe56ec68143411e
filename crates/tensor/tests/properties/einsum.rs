//! Einstein summation of one and two operands, against the loop over all letters.

use proptest::prelude::*;
use ravine_tensor::Tensor;

use super::generators::*;

const LETTERS: [char; 4] = ['a', 'b', 'c', 'd'];

/// Letters by number, as a term.
fn term(letters: &[usize]) -> String {
    letters.iter().map(|&l| LETTERS[l]).collect()
}

/// The sizes of the letters, the letters of the operands and of the output, and the operands.
fn sums() -> impl Strategy<Value = (Vec<usize>, [Vec<usize>; 2], Vec<usize>, [View<f64>; 2])> {
    let letters = || prop::collection::vec(0usize..4, 0..=3);
    (prop::collection::vec(0usize..4, 4), letters(), letters()).prop_flat_map(|(sizes, a, b)| {
        let mut union = [&a[..], &b].concat();
        union.sort();
        union.dedup();
        let count = union.len();
        let output = prop::sample::subsequence(union, 0..=count).prop_shuffle();
        let operand = |letters: &[usize], salt: fn(usize) -> f64| {
            views_of(letters.iter().map(|&l| sizes[l]).collect(), salt)
        };
        let operands =
            [operand(&a, |i| (i * 7 % 11) as f64 - 5.0), operand(&b, |i| (i * 5 % 13) as f64 - 6.0)];
        (Just(sizes), Just([a, b]), output, operands)
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn of_one_and_two((sizes, [a, b], output, [x, y]) in sums()) {
        // Whole numbers: the sums are exact in any order.
        let present: Vec<usize> = sizes.iter().enumerate().map(|(l, &n)| if a.contains(&l) || b.contains(&l) { n } else { 1 }).collect();
        let naive = |summands: &dyn Fn(&[usize]) -> f64, present: &[usize]| {
            Array::from_fn(&output.iter().map(|&l| sizes[l]).collect::<Vec<_>>(), |at| {
                let here = |all: &[usize]| output.iter().zip(at).all(|(&l, &i)| all[l] == i);
                indices(present).iter().filter(|all| here(all)).map(|all| summands(all)).sum()
            })
        };
        let pick = |letters: &[usize], all: &[usize]| letters.iter().map(|&l| all[l]).collect::<Vec<_>>();
        let want = naive(&|all| x.array.at(&pick(&a, all)) * y.array.at(&pick(&b, all)), &present);
        let equation = format!("{},{}->{}", term(&a), term(&b), term(&output));
        assert_same(&Tensor::einsum(&equation, &[&x.tensor, &y.tensor]), &want);
        if output.iter().all(|l| a.contains(l)) {
            let present: Vec<usize> = sizes.iter().enumerate().map(|(l, &n)| if a.contains(&l) { n } else { 1 }).collect();
            let want = naive(&|all| x.array.at(&pick(&a, all)), &present);
            assert_same(&Tensor::einsum(&format!("{}->{}", term(&a), term(&output)), &[&x.tensor]), &want);
        }
    }
}
