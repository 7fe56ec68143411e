//! Long short-term memory.

use ravine_autograd::{Module, Var, Visitor};
use ravine_tensor::{Recurrence, Rng};

use super::stack::{Stack, recurrent_network};

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

impl Lstm {
    /// So many layers of so many units, over sequences of vectors of `inputs` numbers.
    ///
    /// # Panics
    /// If one of them is 0.
    #[track_caller]
    pub fn new(inputs: usize, units: usize, layers: usize, rng: &mut Rng) -> Self {
        Lstm { stack: Stack::new("Lstm", Recurrence::Lstm, inputs, units, layers, false, rng) }
    }

    /// [`new`](Self::new) in both directions: each layer sees the outputs of both of the layer before.
    ///
    /// # Panics
    /// If one of the sizes is 0.
    #[track_caller]
    pub fn bidirectional(inputs: usize, units: usize, layers: usize, rng: &mut Rng) -> Self {
        Lstm { stack: Stack::new("Lstm", Recurrence::Lstm, inputs, units, layers, true, rng) }
    }

    /// `(output, (hidden state, cell state))`, from states of 0.
    ///
    /// # Panics
    /// If the input is not `[batch, time, inputs]` with at least one step.
    #[track_caller]
    pub fn forward(&self, x: &Var) -> (Var, (Var, Var)) {
        self.forward_from(x, None, None)
    }

    /// `(output, (hidden state, cell state))`, from these initial states (0, if `None`), for samples of these `lengths` (`time`, if `None`). Beyond a sample's length its
    /// outputs are 0; its last state is that after its own last step, and backwards it begins there (PyTorch's packed sequences).
    ///
    /// # Panics
    /// If the shapes do not fit together, or a length is not in `1..=time`.
    #[track_caller]
    #[doc(alias("pack_padded_sequence", "pad_packed_sequence"))]
    pub fn forward_from(
        &self,
        x: &Var,
        initial: Option<(&Var, &Var)>,
        lengths: Option<&[usize]>,
    ) -> (Var, (Var, Var)) {
        let initial: Vec<&Var> = initial.into_iter().flat_map(|(hidden, cell)| [hidden, cell]).collect();
        let (y, mut last) = self.stack.forward(x, &initial, lengths);
        let hidden = last.remove(0);
        (y, (hidden, last.remove(0)))
    }
}

recurrent_network!(Lstm);
