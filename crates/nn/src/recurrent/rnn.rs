//! The simplest recurrent network.

use ravine_autograd::{Module, Var, Visitor};
use ravine_tensor::{Recurrence, Rng};

use super::stack::{Stack, recurrent_network};

/// `h_t = tanh(w_ih x_t + b_ih + w_hh h_(t-1) + b_hh)`, or with ReLU in place of tanh ([`relu`](Self::relu)).
///
/// Shapes: `[batch, time, inputs] -> [batch, time, directions units]`, and of each state the last, `[layers directions, batch, units]`.
///
/// Initialisation: all parameters uniform in `±1 / √units`, PyTorch's default; names and shapes are PyTorch's, too.
///
/// Elman 1990, 'Finding structure in time'.
///
/// ```
/// use ravine_autograd::{Module, Tape};
/// use ravine_nn::Rnn;
/// use ravine_tensor::{Rng, Tensor};
///
/// let network = Rnn::new(8, 16, 2, &mut Rng::new(0)).dropout(0.1);
/// let x = Tape::eval().input(Tensor::zeros([5, 7, 8]));
/// let (y, last) = network.forward(&x);
/// assert_eq!(y.shape(), &[5, 7, 16]);
/// assert_eq!(last.shape(), &[2, 5, 16]);
/// assert_eq!(network.named_params()[4].0, "weight_ih_l1");
/// ```
#[derive(Clone, Debug)]
pub struct Rnn {
    stack: Stack,
}

impl Rnn {
    /// So many layers of so many units, over sequences of vectors of `inputs` numbers.
    ///
    /// # Panics
    /// If one of them is 0.
    #[track_caller]
    pub fn new(inputs: usize, units: usize, layers: usize, rng: &mut Rng) -> Self {
        Rnn { stack: Stack::new("Rnn", Recurrence::Tanh, inputs, units, layers, false, rng) }
    }

    /// [`new`](Self::new) in both directions: each layer sees the outputs of both of the layer before.
    ///
    /// # Panics
    /// If one of the sizes is 0.
    #[track_caller]
    pub fn bidirectional(inputs: usize, units: usize, layers: usize, rng: &mut Rng) -> Self {
        Rnn { stack: Stack::new("Rnn", Recurrence::Tanh, inputs, units, layers, true, rng) }
    }

    /// The network with ReLU in place of the hyperbolic tangent. Le, Jaitly and Hinton 2015.
    #[must_use]
    pub fn relu(mut self) -> Self {
        self.stack.cell = Recurrence::Relu;
        self
    }

    /// `(output, hidden state)`, from states of 0.
    ///
    /// # Panics
    /// If the input is not `[batch, time, inputs]` with at least one step.
    #[track_caller]
    pub fn forward(&self, x: &Var) -> (Var, Var) {
        self.forward_from(x, None, None)
    }

    /// `(output, hidden state)`, from these initial states (0, if `None`), for samples of these `lengths` (`time`, if `None`). Beyond a sample's length its
    /// outputs are 0; its last state is that after its own last step, and backwards it begins there (PyTorch's packed sequences).
    ///
    /// # Panics
    /// If the shapes do not fit together, or a length is not in `1..=time`.
    #[track_caller]
    #[doc(alias("pack_padded_sequence", "pad_packed_sequence"))]
    pub fn forward_from(&self, x: &Var, initial: Option<&Var>, lengths: Option<&[usize]>) -> (Var, Var) {
        let initial: Vec<&Var> = initial.into_iter().collect();
        let (y, mut last) = self.stack.forward(x, &initial, lengths);
        (y, last.remove(0))
    }
}

recurrent_network!(Rnn);
