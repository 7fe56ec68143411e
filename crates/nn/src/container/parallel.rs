//! Layers side by side.

use std::fmt;

use ravine_autograd::{Module, Var, Visitor};

use crate::Layer;

/// How [`Parallel`] joins the outputs of its branches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    /// Concatenated along this axis.
    Cat(isize),
    /// Their sum. They have one shape: none is broadcast.
    Sum,
}

/// `y = join(f_0(x), f_1(x), ...)`: all branches see the same input. Parameters are named by position: `0.weight`.
///
/// Shapes: what the branches take, and what they give, added up along the axis of [`Join::Cat`]; with [`Join::Sum`] all give the same.
///
/// Initialisation: as of the branches.
///
/// Szegedy et al. 2015, 'Going deeper with convolutions' (the inception module).
///
/// ```
/// use ravine_autograd::Tape;
/// use ravine_nn::{Conv2d, Join, Layer, Parallel};
/// use ravine_tensor::{Rng, Tensor};
///
/// let rng = &mut Rng::new(0);
/// let inception = Parallel::new(Join::Cat(1))
///     .branch(Conv2d::new(3, 8, 1, rng))
///     .branch(Conv2d::new(3, 4, 3, rng).padding(1));
/// let x = Tape::eval().input(Tensor::ones([2, 3, 6, 6]));
/// assert_eq!(inception.forward(&x).shape(), &[2, 12, 6, 6]);
/// ```
pub struct Parallel {
    join: Join,
    branches: Vec<Box<dyn Layer + Send + Sync>>,
}

impl Parallel {
    /// No branch yet.
    pub fn new(join: Join) -> Self {
        Parallel { join, branches: Vec::new() }
    }

    /// With another branch.
    #[must_use]
    pub fn branch(mut self, layer: impl Layer + Send + Sync + 'static) -> Self {
        self.branches.push(Box::new(layer));
        self
    }

    /// The branches.
    pub fn branches(&self) -> &[Box<dyn Layer + Send + Sync>] {
        &self.branches
    }
}

impl Module for Parallel {
    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.setting("join", &self.join);
        self.branches.visit(visitor);
    }
}

/// Its tree.
impl fmt::Display for Parallel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tree().fmt(f)
    }
}

impl Layer for Parallel {
    #[track_caller]
    fn forward(&self, x: &Var) -> Var {
        let outputs: Vec<Var> = self.branches.iter().map(|branch| branch.forward(x)).collect();
        let outputs: Vec<&Var> = outputs.iter().collect();
        let Some((first, others)) = outputs.split_first() else {
            panic!("Parallel: branches is empty; expected at least 1")
        };
        match self.join {
            Join::Cat(axis) => Var::cat(&outputs, axis),
            Join::Sum => {
                for (i, y) in others.iter().enumerate() {
                    assert!(
                        y.shape() == first.shape(),
                        "Parallel: branch 0 gives {}, branch {} {}; expected the same shape",
                        first.shape(),
                        i + 1,
                        y.shape()
                    );
                }
                others.iter().fold((*first).clone(), |sum, y| sum + *y)
            }
        }
    }
}
