//! Gated recurrent units.

use ravine_autograd::{Module, Var, Visitor};
use ravine_tensor::{Recurrence, Rng};

use super::stack::{Stack, recurrent_network};

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

impl Gru {
    /// So many layers of so many units, over sequences of vectors of `inputs` numbers.
    ///
    /// # Panics
    /// If one of them is 0.
    #[track_caller]
    pub fn new(inputs: usize, units: usize, layers: usize, rng: &mut Rng) -> Self {
        Gru { stack: Stack::new("Gru", Recurrence::Gru, inputs, units, layers, false, rng) }
    }

    /// [`new`](Self::new) in both directions: each layer sees the outputs of both of the layer before.
    ///
    /// # Panics
    /// If one of the sizes is 0.
    #[track_caller]
    pub fn bidirectional(inputs: usize, units: usize, layers: usize, rng: &mut Rng) -> Self {
        Gru { stack: Stack::new("Gru", Recurrence::Gru, inputs, units, layers, true, rng) }
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

recurrent_network!(Gru);
