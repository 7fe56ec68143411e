//! The simplest recurrent network.

use ravine_autograd::{Module, Var, Visitor};
use ravine_tensor::{Recurrence, Rng};

use super::stack::{Stack, recurrent_network, with_states};

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
    /// The network with ReLU in place of the hyperbolic tangent. Le, Jaitly and Hinton 2015.
    #[must_use]
    pub fn relu(mut self) -> Self {
        self.stack.cell = Recurrence::Relu;
        self
    }
}

recurrent_network!(Rnn, Recurrence::Tanh);
with_states!(Rnn, "(output, hidden state)", &Var: |hidden| [hidden], Var: |next| next());
