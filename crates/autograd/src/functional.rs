//! Derivatives of functions that are closures: [`grad`], [`value_and_grad`], [`vjp`], [`jvp`], [`hvp`], [`jacobian`] and [`hessian`].
//!
//! Each takes the function and the [`Point`] at which it is differentiated: a tensor, an array or a `Vec` of tensors, or the parameters of a model
//! ([`Params`]). The result has the form of the point: a tensor for a tensor, an array for an array.
//!
//! ```
//! use ravine_autograd::functional::{grad, hessian, jacobian};
//! use ravine_tensor::Tensor;
//!
//! // One tensor.
//! let x = Tensor::from([1.0, 2.0]);
//! assert_eq!(grad(|x| (&x * &x * &x).sum(..), &x).to_vec(), [3.0, 12.0]);
//! assert_eq!(hessian(|x| (&x * &x * &x).sum(..), &x).to_vec(), [6.0, 0.0, 0.0, 12.0]);
//!
//! // Several.
//! let [by_x, by_w] = jacobian(|[x, w]| x * w, &[x, Tensor::from([5.0, 7.0])]);
//! assert_eq!(by_x.to_vec(), [5.0, 0.0, 0.0, 7.0]);
//! assert_eq!(by_w.to_vec(), [1.0, 0.0, 0.0, 2.0]);
//! ```
//!
//! With [`Params`] the function gets the tape, on which the model finds its parameters by itself:
//!
//! ```
//! use ravine_autograd::functional::{Params, hvp, value_and_grad};
//! use ravine_autograd::{Param, Tape};
//! use ravine_tensor::Tensor;
//!
//! let model = vec![Param::new(Tensor::scalar(3.0)), Param::new(Tensor::scalar(5.0))];
//! let loss = |tape: Tape| tape.param(&model[0]).square() * tape.param(&model[1]);
//! let at = Params::of(&model);
//! let (value, gradient) = value_and_grad(loss, &at);
//! assert_eq!((value.item(), gradient[0].item(), gradient[1].item()), (45.0, 30.0, 9.0));
//! // The Hessian is [[2b, 2a], [2a, 0]].
//! let along = hvp(loss, &at, &vec![Tensor::scalar(1.0), Tensor::scalar(2.0)]);
//! assert_eq!((along[0].item(), along[1].item()), (22.0, 6.0));
//! ```
//!
//! The functions run on a [`Tape::new`]: they evaluate. To differentiate a training pass, or one output several times, use the tape
//! itself ([`grad_from`], [`hvp_of`]).

use ravine_tensor::{Float, Shape, Tensor};

use crate::backward::grad_from;
use crate::module::Module;
use crate::param::Param;
use crate::tape::Tape;
use crate::var::Var;

/// Where a function is differentiated: the values of its arguments.
pub trait Point<T: Float> {
    /// What the function gets: the arguments as variables.
    type Vars;
    /// A `U` for each argument, in the form of the arguments.
    type Each<U>;

    /// The arguments on a tape: as the function takes them, and as a list.
    fn on(&self, tape: &Tape<T>) -> (Self::Vars, Vec<Var<T>>);

    /// Gives a list with one entry per argument the form of the arguments.
    fn form<U>(&self, list: Vec<U>) -> Self::Each<U>;

    /// The opposite of [`form`](Self::form).
    fn list<'a, U>(&self, each: &'a Self::Each<U>) -> Vec<&'a U>;
}

impl<T: Float> Point<T> for Tensor<T> {
    type Vars = Var<T>;
    type Each<U> = U;

    fn on(&self, tape: &Tape<T>) -> (Var<T>, Vec<Var<T>>) {
        let x = tape.variable(self.clone());
        (x.clone(), vec![x])
    }
    fn form<U>(&self, mut list: Vec<U>) -> U {
        list.pop().expect("one entry for one argument")
    }
    fn list<'a, U>(&self, each: &'a U) -> Vec<&'a U> {
        vec![each]
    }
}

impl<T: Float, const N: usize> Point<T> for [Tensor<T>; N] {
    type Vars = [Var<T>; N];
    type Each<U> = [U; N];

    fn on(&self, tape: &Tape<T>) -> ([Var<T>; N], Vec<Var<T>>) {
        let vars = self.each_ref().map(|x| tape.variable(x.clone()));
        (vars.clone(), vars.into())
    }
    fn form<U>(&self, list: Vec<U>) -> [U; N] {
        list.try_into().unwrap_or_else(|_| unreachable!("an entry for each argument"))
    }
    fn list<'a, U>(&self, each: &'a [U; N]) -> Vec<&'a U> {
        each.iter().collect()
    }
}

impl<T: Float> Point<T> for Vec<Tensor<T>> {
    type Vars = Vec<Var<T>>;
    type Each<U> = Vec<U>;

    fn on(&self, tape: &Tape<T>) -> (Vec<Var<T>>, Vec<Var<T>>) {
        let vars: Vec<_> = self.iter().map(|x| tape.variable(x.clone())).collect();
        (vars.clone(), vars)
    }
    fn form<U>(&self, list: Vec<U>) -> Vec<U> {
        list
    }
    fn list<'a, U>(&self, each: &'a Vec<U>) -> Vec<&'a U> {
        each.iter().collect()
    }
}

/// The parameters of a model as a [`Point`]: each once, in the order of their paths, frozen ones left out.
#[derive(Debug)]
pub struct Params<T: Float = f32>(Vec<Param<T>>);

impl Params {
    /// Those of a model, or of a part of one.
    pub fn of<M: Module + ?Sized>(model: &M) -> Self {
        model.named_params().iter().map(|(_, param)| param).collect()
    }
}

impl<T: Float> Params<T> {
    /// The parameters.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Param<T>> {
        self.0.iter()
    }
}

/// The same parameters again, not copies.
impl<'a, T: Float> FromIterator<&'a Param<T>> for Params<T> {
    fn from_iter<I: IntoIterator<Item = &'a Param<T>>>(params: I) -> Self {
        let mut seen = std::collections::HashSet::new();
        let thawed = params.into_iter().filter(|param| !param.is_frozen());
        Params(thawed.filter(|param| seen.insert(param.key())).map(Param::tied).collect())
    }
}

impl<T: Float> Point<T> for Params<T> {
    /// The model finds its parameters on the tape.
    type Vars = Tape<T>;
    type Each<U> = Vec<U>;

    fn on(&self, tape: &Tape<T>) -> (Tape<T>, Vec<Var<T>>) {
        (tape.clone(), self.iter().map(|param| tape.param(param)).collect())
    }
    fn form<U>(&self, list: Vec<U>) -> Vec<U> {
        list
    }
    fn list<'a, U>(&self, each: &'a Vec<U>) -> Vec<&'a U> {
        each.iter().collect()
    }
}

/// A function's output at a point, on a tape, with its arguments.
struct Run<T: Float> {
    y: Var<T>,
    x: Vec<Var<T>>,
}

impl<T: Float> Run<T> {
    #[track_caller]
    fn new<P: Point<T>>(f: impl FnOnce(P::Vars) -> Var<T>, at: &P) -> Self {
        let tape = Tape::new();
        let (vars, x) = at.on(&tape);
        let y = f(vars);
        assert!(y.tape().is(&tape), "functional: the function must compute on the tape of its arguments");
        Run { y, x }
    }

    /// [`new`](Self::new), for a function whose output is a single number.
    #[track_caller]
    fn scalar<P: Point<T>>(op: &str, f: impl FnOnce(P::Vars) -> Var<T>, at: &P) -> Self {
        let run = Self::new(f, at);
        let shape = run.y.shape();
        assert!(run.y.numel() == 1, "{op}: the function gave {shape}, not a single number");
        run
    }

    /// The product of `seed` and the Jacobian by each argument.
    #[track_caller]
    fn back(&self, seed: Tensor<T>, create_graph: bool) -> Vec<Var<T>> {
        self.back_from(&self.y.constant(seed), create_graph)
    }

    #[track_caller]
    fn back_from(&self, seed: &Var<T>, create_graph: bool) -> Vec<Var<T>> {
        grad_from(&self.y, &self.x.iter().collect::<Vec<_>>(), seed, create_graph)
    }
}

fn values<T: Float>(vars: Vec<Var<T>>) -> Vec<Tensor<T>> {
    vars.into_iter().map(Var::into_value).collect()
}

/// The gradient of a function whose output is a single number.
///
/// # Panics
/// If it is not.
#[track_caller]
pub fn grad<T: Float, P: Point<T>>(f: impl FnOnce(P::Vars) -> Var<T>, at: &P) -> P::Each<Tensor<T>> {
    value_and_grad(f, at).1
}

/// The value and the gradient of a function whose output is a single number.
///
/// # Panics
/// If it is not.
#[track_caller]
pub fn value_and_grad<T: Float, P: Point<T>>(
    f: impl FnOnce(P::Vars) -> Var<T>,
    at: &P,
) -> (Tensor<T>, P::Each<Tensor<T>>) {
    let run = Run::scalar("grad", f, at);
    let gradient = values(run.back(run.y.value().ones_like(), false));
    (run.y.into_value(), at.form(gradient))
}

/// The value of a function, and the product `vᵀ J` of a vector (in the shape of the output) and its Jacobian: one backward pass.
///
/// # Panics
/// If `v` has another shape than the output.
#[track_caller]
pub fn vjp<T: Float, P: Point<T>>(
    f: impl FnOnce(P::Vars) -> Var<T>,
    at: &P,
    v: &Tensor<T>,
) -> (Tensor<T>, P::Each<Tensor<T>>) {
    let run = Run::new(f, at);
    check_vector("vjp", [v], [run.y.shape()]);
    let product = values(run.back(v.clone(), false));
    (run.y.into_value(), at.form(product))
}

/// The value of a function, and the product `J v` of its Jacobian and a vector (one part for each argument): how the output changes if the
/// arguments move along `v`.
///
/// Two backward passes: `uᵀ J` is linear in `u`, and its derivative by `u`, times `v`, is `J v`.
///
/// # Panics
/// If a part of `v` has another shape than its argument.
#[track_caller]
pub fn jvp<T: Float, P: Point<T>>(
    f: impl FnOnce(P::Vars) -> Var<T>,
    at: &P,
    v: &P::Each<Tensor<T>>,
) -> (Tensor<T>, Tensor<T>) {
    let run = Run::new(f, at);
    let v = at.list(v);
    check_vector("jvp", v.iter().copied(), run.x.iter().map(Var::shape));
    let u = run.y.tape().variable(run.y.value().zeros_like());
    let back = run.back_from(&u, true);
    let product = dot(&back, &v).map_or(u.value().clone(), |along| {
        crate::backward::grad(&along, &[&u], false).remove(0).into_value()
    });
    (run.y.into_value(), product)
}

/// The product `H v` of the Hessian of a function (whose output is a single number) and a vector (one part for each argument): how the gradient
/// changes if the arguments move along `v`. Two backward passes, and no matrix.
///
/// Source: Pearlmutter 1994, 'Fast exact multiplication by the Hessian'.
///
/// # Panics
/// If the output is not a single number, or a part of `v` has another shape than its argument.
#[track_caller]
pub fn hvp<T: Float, P: Point<T>>(
    f: impl FnOnce(P::Vars) -> Var<T>,
    at: &P,
    v: &P::Each<Tensor<T>>,
) -> P::Each<Tensor<T>> {
    let run = Run::scalar("hvp", f, at);
    at.form(hvp_of(&run.y, &run.x.iter().collect::<Vec<_>>(), &at.list(v)))
}

/// [`hvp`] of an output that has been computed already, by any values on its tape. The graph is kept.
///
/// # Panics
/// As there.
#[track_caller]
pub fn hvp_of<T: Float>(y: &Var<T>, x: &[&Var<T>], v: &[&Tensor<T>]) -> Vec<Tensor<T>> {
    check_vector("hvp", v.iter().copied(), x.iter().map(|x| x.shape()));
    let gradient = crate::backward::grad(y, x, true);
    match dot(&gradient, v) {
        Some(along) => values(crate::backward::grad(&along, x, false)),
        None => Vec::new(),
    }
}

/// The Jacobian by each argument: `J[i.., j..] = ∂y[i..] / ∂x[j..]`, one backward pass for each element of the output.
///
/// Shapes: an output of shape `[a..]` and an argument of shape `[b..]` give `[a.., b..]`.
#[track_caller]
pub fn jacobian<T: Float, P: Point<T>>(f: impl FnOnce(P::Vars) -> Var<T>, at: &P) -> P::Each<Tensor<T>> {
    let run = Run::new(f, at);
    at.form(rows(&run))
}

/// The Hessian of a function whose output is a single number: for each pair of arguments, `H[i.., j..] = ∂²y / ∂x[i..] ∂z[j..]`. One backward
/// pass for each element of the arguments.
///
/// Shapes: arguments of shapes `[a..]` and `[b..]` give `[a.., b..]`.
///
/// # Panics
/// If the output is not a single number.
#[track_caller]
pub fn hessian<T: Float, P: Point<T>>(
    f: impl FnOnce(P::Vars) -> Var<T>,
    at: &P,
) -> P::Each<P::Each<Tensor<T>>> {
    let run = Run::scalar("hessian", f, at);
    let gradient = run.back(run.y.value().ones_like(), true);
    let x = run.x;
    at.form(gradient.into_iter().map(|y| at.form(rows(&Run { y, x: x.clone() }))).collect())
}

/// The Jacobian by each argument, row by row.
#[track_caller]
fn rows<T: Float>(run: &Run<T>) -> Vec<Tensor<T>> {
    let mut jacobians: Vec<Vec<T>> =
        run.x.iter().map(|x| Vec::with_capacity(run.y.numel() * x.numel())).collect();
    for i in 0..run.y.numel() {
        let mut seed = run.y.value().zeros_like();
        seed.as_mut_slice()[i] = T::ONE;
        for (rows, row) in jacobians.iter_mut().zip(run.back(seed, false)) {
            rows.extend(row.value().iter());
        }
    }
    let shape = |x: &Var<T>| Shape::new(&[&run.y.shape()[..], &x.shape()[..]].concat());
    jacobians.iter().zip(&run.x).map(|(rows, x)| Tensor::from_slice(rows, shape(x))).collect()
}

/// `Σ a v` over all arguments; `None` if there are none.
#[track_caller]
fn dot<T: Float>(a: &[Var<T>], v: &[&Tensor<T>]) -> Option<Var<T>> {
    a.iter().zip(v).map(|(a, &v)| (a * a.constant(v.clone())).sum(..)).reduce(|a, b| a + b)
}

#[track_caller]
fn check_vector<'a, T: Float>(
    op: &str,
    v: impl IntoIterator<Item = &'a Tensor<T>>,
    shapes: impl IntoIterator<Item = &'a Shape>,
) {
    let v: Vec<&Shape> = v.into_iter().map(Tensor::shape).collect();
    let shapes: Vec<&Shape> = shapes.into_iter().collect();
    assert!(v == shapes, "{op}: a vector of shapes {v:?} where {shapes:?} are needed");
}
