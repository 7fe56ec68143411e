//! Long short-term memory.

use ravine_autograd::{Module, Var, Visitor};
use ravine_tensor::{Recurrence, Rng};

use super::stack::{Stack, recurrent_network, with_states};

/// `c_t = f c_(t-1) + i g`, `h_t = o tanh c_t`, with `i = σ(w_ii x_t + b_ii + w_hi h_(t-1) + b_hi)`, `f` and `o` likewise, and `g` with tanh.
/// The rows of the weights are those of `i`, `f`, `g` and `o`, in this order.
///
/// Shapes: `[batch, time, inputs] -> [batch, time, directions units]`, and of each state the last, `[layers directions, batch, units]`.
///
/// Initialisation: all parameters uniform in `±1 / √units`, PyTorch's default; names and shapes are PyTorch's, too.
///
/// Hochreiter and Schmidhuber 1997, 'Long short-term memory', with the forget gate of Gers et al. 2000.
///
/// ```
/// use ravine_autograd::{Module, Tape};
/// use ravine_nn::Lstm;
/// use ravine_tensor::{Rng, Tensor};
///
/// let network = Lstm::new(8, 16, 2, &mut Rng::new(0)).dropout(0.1);
/// let x = Tape::eval().input(Tensor::zeros([5, 7, 8]));
/// let (y, (hidden, cell)) = network.forward(&x);
/// assert_eq!(y.shape(), &[5, 7, 16]);
/// assert_eq!(hidden.shape(), cell.shape());
/// assert_eq!(network.named_params()[4].0, "weight_ih_l1");
/// ```
#[derive(Clone, Debug)]
pub struct Lstm {
    stack: Stack,
}

recurrent_network!(Lstm, Recurrence::Lstm);
with_states! {
    Lstm, "(output, (hidden state, cell state))",
    (&Var, &Var): |(hidden, cell)| [hidden, cell], (Var, Var): |next| (next(), next())
}
