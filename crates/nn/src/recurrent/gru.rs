//! Gated recurrent units.

use ravine_autograd::{Module, Var, Visitor};
use ravine_tensor::{Recurrence, Rng};

use super::stack::{Stack, recurrent_network, with_states};

/// `h_t = (1 - z) n + z h_(t-1)`, with `r = σ(w_ir x_t + b_ir + w_hr h + b_hr)`, `z` likewise, and `n = tanh(w_in x_t + b_in + r (w_hn h + b_hn))`.
/// The rows of the weights are those of `r`, `z` and `n`, in this order.
///
/// Shapes: `[batch, time, inputs] -> [batch, time, directions units]`, and of each state the last, `[layers directions, batch, units]`.
///
/// Initialisation: all parameters uniform in `±1 / √units`, PyTorch's default; names and shapes are PyTorch's, too.
///
/// Cho et al. 2014, 'Learning phrase representations using RNN encoder-decoder'.
///
/// ```
/// use ravine_autograd::{Module, Tape};
/// use ravine_nn::Gru;
/// use ravine_tensor::{Rng, Tensor};
///
/// let network = Gru::new(8, 16, 2, &mut Rng::new(0)).dropout(0.1);
/// let x = Tape::eval().input(Tensor::zeros([5, 7, 8]));
/// let (y, last) = network.forward(&x);
/// assert_eq!(y.shape(), &[5, 7, 16]);
/// assert_eq!(last.shape(), &[2, 5, 16]);
/// assert_eq!(network.named_params()[4].0, "weight_ih_l1");
/// ```
#[derive(Clone, Debug)]
pub struct Gru {
    stack: Stack,
}

recurrent_network!(Gru, Recurrence::Gru);
with_states!(Gru, "(output, hidden state)", &Var: |hidden| [hidden], Var: |next| next());
