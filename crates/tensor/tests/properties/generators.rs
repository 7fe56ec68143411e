//! Random tensors in every layout, and the plain arrays that they are compared with.

use std::fmt::Debug;
use std::ops::RangeInclusive;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use ravine_tensor::{At, Element, Tensor};

/// How often each property is tried, always with the same random numbers.
pub fn config() -> Config {
    Config { cases: 256, rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..Config::default() }
}

/// The reference: a shape and its elements in row-major order, with no view and no broadcast.
#[derive(Clone, Debug, PartialEq)]
pub struct Array<T> {
    pub shape: Vec<usize>,
    pub values: Vec<T>,
}

impl<T: Copy> Array<T> {
    /// The array whose element at each index `f` gives.
    pub fn from_fn(shape: &[usize], f: impl FnMut(&[usize]) -> T) -> Self {
        Array { shape: shape.to_vec(), values: indices(shape).iter().map(Vec::as_slice).map(f).collect() }
    }

    pub fn at(&self, index: &[usize]) -> T {
        self.values[place(&self.shape, index)]
    }

    /// The element that stands at `index` once this array is broadcast to as many axes.
    pub fn broadcast_at(&self, index: &[usize]) -> T {
        let last = &index[index.len() - self.shape.len()..];
        let own: Vec<usize> =
            last.iter().zip(&self.shape).map(|(&i, &n)| if n == 1 { 0 } else { i }).collect();
        self.at(&own)
    }

    pub fn set(&mut self, index: &[usize], value: T) {
        let place = place(&self.shape, index);
        self.values[place] = value;
    }
}

/// A tensor as a plain array, element by element.
pub fn array<T: Element>(x: &Tensor<T>) -> Array<T> {
    Array { shape: x.shape().to_vec(), values: x.to_vec() }
}

/// Asserts that `found` is `want`, or NaN where that is, to twelve digits.
#[track_caller]
pub fn assert_near(what: &str, found: &Tensor<f64>, want: &Array<f64>) {
    assert_eq!(found.shape()[..], want.shape, "{what}");
    for (found, &want) in found.iter().zip(&want.values) {
        let equal = found == want || (found.is_nan() && want.is_nan());
        assert!(equal || (found - want).abs() < 1e-12 * (1.0 + want.abs()), "{what}: {found} is not {want}");
    }
}

/// Every index into a shape, in row-major order.
pub fn indices(shape: &[usize]) -> Vec<Vec<usize>> {
    let Some((&n, rest)) = shape.split_first() else { return vec![vec![]] };
    let inner = indices(rest);
    (0..n).flat_map(|i| inner.iter().map(move |rest| [&[i], rest.as_slice()].concat())).collect()
}

/// Where an index stands in row-major order.
pub fn place(shape: &[usize], index: &[usize]) -> usize {
    index.iter().zip(shape).fold(0, |place, (&i, &n)| place * n + i)
}

/// The index with the entry at `axis` replaced.
pub fn with(index: &[usize], axis: usize, entry: usize) -> Vec<usize> {
    let mut index = index.to_vec();
    index[axis] = entry;
    index
}

/// A tensor in some layout, and the same as an array.
#[derive(Clone, Debug)]
pub struct View<T: Element> {
    pub tensor: Tensor<T>,
    pub array: Array<T>,
}

/// Shapes of so many axes, with sizes 0 to 4; 0 and 1 now and then.
pub fn shapes(rank: RangeInclusive<usize>) -> impl Strategy<Value = Vec<usize>> {
    let size = prop_oneof![1 => Just(0usize), 3 => Just(1), 12 => 2usize..5];
    prop::collection::vec(size, rank)
}

/// The same without empty axes.
pub fn full_shapes(rank: RangeInclusive<usize>) -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(1usize..5, rank)
}

/// A shape, and one of its axes.
pub fn with_axis(shape: Vec<usize>) -> impl Strategy<Value = (Vec<usize>, usize)> {
    let axes = 0..shape.len();
    (Just(shape), axes)
}

/// An axis, from the front or from the back, as the caller likes.
pub fn signed(axis: usize, rank: usize, from_back: bool) -> isize {
    if from_back { axis as isize - rank as isize } else { axis as isize }
}

/// How one axis of a view lies in memory.
#[derive(Clone, Debug)]
struct Spread {
    before: usize,
    after: usize,
    step: usize,
    backwards: bool,
    repeated: bool,
}

fn spreads() -> impl Strategy<Value = Spread> {
    let repeated = prop_oneof![7 => Just(false), 1 => Just(true)];
    (0usize..3, 0usize..3, 1usize..4, any::<bool>(), repeated).prop_map(
        |(before, after, step, backwards, repeated)| Spread { before, after, step, backwards, repeated },
    )
}

/// Tensors of one shape in any layout: axes in any order in memory, with gaps, an offset, backwards, or the same elements repeated.
/// The element in place `i` of the memory is `value(i)`.
pub fn views_of<T: Element>(shape: Vec<usize>, value: fn(usize) -> T) -> BoxedStrategy<View<T>> {
    let rank = shape.len();
    let order = Just((0..rank).collect::<Vec<usize>>()).prop_shuffle();
    let plain = prop_oneof![1 => Just(true), 3 => Just(false)];
    (order, prop::collection::vec(spreads(), rank), plain)
        .prop_map(move |(order, spreads, plain)| {
            if plain {
                let array = Array::from_fn(&shape, |index| value(place(&shape, index)));
                return View { tensor: Tensor::from_slice(&array.values, &shape[..]), array };
            }
            view(&shape, &order, &spreads, value)
        })
        .boxed()
}

/// Axis `order[0]` is the outermost in memory.
fn view<T: Element>(shape: &[usize], order: &[usize], spreads: &[Spread], value: fn(usize) -> T) -> View<T> {
    let memory: Vec<usize> = order
        .iter()
        .map(|&axis| match &spreads[axis] {
            spread if spread.repeated => 1,
            spread => spread.before + shape[axis].saturating_sub(1) * spread.step + 1 + spread.after,
        })
        .collect();
    let buffer: Vec<T> = (0..memory.iter().product()).map(value).collect();
    let array = Array::from_fn(shape, |index| {
        let inside: Vec<usize> = order
            .iter()
            .map(|&axis| match &spreads[axis] {
                spread if spread.repeated => 0,
                spread if spread.backwards => spread.before + (shape[axis] - 1 - index[axis]) * spread.step,
                spread => spread.before + index[axis] * spread.step,
            })
            .collect();
        buffer[place(&memory, &inside)]
    });
    let mut back = vec![0; order.len()];
    order.iter().enumerate().for_each(|(outer, &axis)| back[axis] = outer as isize);
    let mut tensor = Tensor::from_slice(&buffer, &memory[..]).permute(&back[..]);
    for (axis, Spread { before, step, backwards, repeated, .. }) in spreads.iter().enumerate() {
        if !repeated {
            let whole = tensor.slice(axis as isize, *before..);
            let stepped = whole.slice(axis as isize, At::step(.., *step as isize));
            let cut = stepped.slice(axis as isize, ..shape[axis]);
            tensor = if *backwards { cut.slice(axis as isize, At::step(.., -1)) } else { cut };
        }
    }
    View { tensor: tensor.expand(shape), array }
}

/// Tensors of any shape of so many axes, in any layout, all elements of the memory different.
pub fn views(rank: RangeInclusive<usize>) -> impl Strategy<Value = View<i64>> {
    shapes(rank).prop_flat_map(|shape| views_of(shape, |i| i as i64))
}

/// [`views`] that have an axis, and one of their axes.
pub fn views_and_axis(rank: RangeInclusive<usize>) -> impl Strategy<Value = (View<i64>, usize)> {
    views(rank).prop_flat_map(|x| {
        let axes = 0..x.array.shape.len();
        (Just(x), axes)
    })
}

/// Indices below `size`, in any shape of their own and any layout.
pub fn indices_below(size: usize, shape: Vec<usize>) -> impl Strategy<Value = View<i64>> {
    // A table of random numbers that the layout picks from would need a closure; instead the places are hashed.
    (views_of(shape, |i| i as i64), any::<u32>()).prop_map(move |(view, salt)| {
        let below =
            |i: i64| ((i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15 ^ u64::from(salt)) >> 33) as i64;
        let below = move |i: i64| below(i) % size.max(1) as i64;
        let values: Vec<i64> = view.array.values.iter().map(|&i| below(i)).collect();
        // `map` gives a contiguous tensor; half of the indices are laid out across instead.
        let mut tensor = view.tensor.map(below);
        if salt % 2 == 0 && tensor.rank() >= 2 {
            tensor = tensor.t().contiguous().t();
        }
        View { tensor, array: Array { shape: view.array.shape, values } }
    })
}

/// Shapes that broadcast to `shape`: some leading axes left out, some others with size 1.
pub fn broadcasting_to(shape: Vec<usize>) -> impl Strategy<Value = Vec<usize>> {
    let rank = shape.len();
    (0..=rank, prop::collection::vec(prop_oneof![2 => Just(false), 1 => Just(true)], rank)).prop_map(
        move |(skip, ones)| (skip..rank).map(|axis| if ones[axis] { 1 } else { shape[axis] }).collect(),
    )
}

/// Asserts that a tensor has the shape and the elements of an array.
#[track_caller]
pub fn assert_same<T: Element + Debug>(found: &Tensor<T>, want: &Array<T>) {
    assert_eq!(&array(found), want);
}
