//! What a forward pass recorded: how many ops, what they keep for backward, and how much they compute.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use ravine_tensor::{Float, Shape, Tensor};

use crate::summary::{VIEWS, multiply_adds};
use crate::tape::{NodeId, Nodes, Origin, Tape};

/// An account of a tape, op by op. See [`Tape::account`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Account {
    /// A row for each kind of op, that which keeps most first.
    pub rows: Vec<AccountRow>,
    /// The parameters that were used.
    pub params: usize,
    /// Their bytes, which are not counted as kept.
    pub param_bytes: usize,
}

/// All ops of one kind.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct AccountRow {
    /// The op.
    pub op: &'static str,
    /// How often it was recorded.
    pub count: usize,
    /// The bytes that its derivatives keep: inputs and outputs noted by [`Var::saved`](crate::Var::saved). A tensor that several keep counts
    /// for the first of them. Plain tensors that a derivative keeps (the mask of a dropout, the indices of a gather) are not counted.
    pub bytes_kept: usize,
    /// Floating-point operations of the forward pass: two for each multiply-add of a matrix product or a convolution; otherwise one for
    /// each element of the output or of the largest input, whichever has more; none for views.
    pub flops: u64,
}

impl Account {
    /// The number of ops recorded, without the leaves.
    pub fn count(&self) -> usize {
        self.rows.iter().map(|row| row.count).sum()
    }

    /// The bytes that all derivatives keep.
    pub fn bytes_kept(&self) -> usize {
        self.rows.iter().map(|row| row.bytes_kept).sum()
    }

    /// The floating-point operations of the forward pass.
    pub fn flops(&self) -> u64 {
        self.rows.iter().map(|row| row.flops).sum()
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.rows.iter().map(|row| row.op.len()).max().unwrap_or(0).max(10);
        writeln!(f, "{:width$} {:>8} {:>11} {:>10}", "op", "count", "kept", "FLOP")?;
        for AccountRow { op, count, bytes_kept, flops } in &self.rows {
            writeln!(f, "{op:width$} {count:>8} {:>11} {:>10}", Bytes(*bytes_kept), Count(*flops))?;
        }
        let (count, kept, flops) = (self.count(), Bytes(self.bytes_kept()), Count(self.flops()));
        writeln!(f, "{:width$} {count:>8} {kept:>11} {flops:>10}", "all")?;
        write!(f, "{:width$} {:>8} {:>11}", "parameters", self.params, Bytes(self.param_bytes))
    }
}

/// A number of bytes, printed with a binary unit.
pub(crate) struct Bytes(pub(crate) usize);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&scaled(self.0 as f64, 1024.0, &["B", "KiB", "MiB", "GiB", "TiB"]))
    }
}

/// A count, printed with a decimal prefix.
struct Count(u64);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&scaled(self.0 as f64, 1000.0, &["", "K", "M", "G", "T", "P"]))
    }
}

fn scaled(mut x: f64, step: f64, units: &[&str]) -> String {
    let mut unit = 0;
    while x >= step && unit + 1 < units.len() {
        x /= step;
        unit += 1;
    }
    let digits = usize::from(unit > 0);
    format!("{x:.digits$} {}", units[unit]).trim_end().to_owned()
}

impl<T: Float> Tape<T> {
    /// An account of what has been recorded so far and not been freed by a backward pass.
    ///
    /// ```
    /// use ravine_autograd::{Param, Tape};
    /// use ravine_tensor::Tensor;
    ///
    /// let w: Param = Param::new(Tensor::zeros([10, 784]));
    /// let tape = Tape::new();
    /// let loss = tape.input(Tensor::zeros([64, 784])).linear(&tape.param(&w), None).relu().sum(..);
    /// let account = tape.account();
    /// let linear = &account.rows[0];
    /// assert_eq!((linear.op, linear.count, linear.flops), ("linear", 1, 2 * 64 * 784 * 10));
    /// assert_eq!(account.bytes_kept(), 4 * 64 * (784 + 10));
    /// println!("{account}");
    /// # drop(loss);
    /// ```
    pub fn account(&self) -> Account {
        let params: Vec<_> =
            self.params().into_iter().map(|(param, _)| param.value().storage_span()).collect();
        let mut seen: HashSet<usize> = params.iter().map(|&(address, _)| address).collect();
        let mut rows: BTreeMap<&'static str, AccountRow> = BTreeMap::new();
        self.nodes(|nodes| {
            for (index, node) in nodes.list.iter().enumerate() {
                if let Origin::Op(_) = node.origin {
                    let row = rows.entry(node.op).or_default();
                    row.op = node.op;
                    row.count += 1;
                    row.bytes_kept += bytes_kept(nodes, index, &mut seen);
                    row.flops += flops(nodes, index);
                }
            }
        });
        let mut rows: Vec<AccountRow> = rows.into_values().collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.bytes_kept));
        Account { rows, params: params.len(), param_bytes: params.iter().map(|&(_, bytes)| bytes).sum() }
    }
}

/// The parts of a tape's record that only the account reads.
impl<T: Float> Nodes<T> {
    /// The shapes of the inputs of a node, constants among them.
    pub(crate) fn input_shapes(&self, node: usize) -> impl Iterator<Item = Shape> + '_ {
        self.edge_range(node).map(|edge| match self.edges[edge] {
            NodeId::CONSTANT => {
                let at = self.constants.binary_search_by_key(&(edge as u32), |&(edge, _)| edge);
                self.constants[at.expect("the shape of every constant was noted")].1
            }
            id => self.list[id.index()].shape,
        })
    }

    /// The storage of the values that the derivative of a node keeps.
    pub(crate) fn saved(&self, node: usize) -> &[(usize, usize)] {
        let start = if node == 0 { 0 } else { self.list[node - 1].saved_end };
        &self.saved[start as usize..self.list[node].saved_end as usize]
    }

    /// Forgets what was saved for an op that is not recorded after all.
    pub(crate) fn unsave(&mut self) {
        let claimed = self.list.last().map_or(0, |node| node.saved_end);
        self.saved.truncate(claimed as usize);
    }
}

impl<T: Float> Tape<T> {
    /// Notes, for the account of memory, that the op which is about to be recorded keeps a value.
    pub(crate) fn note_saved(&self, value: &Tensor<T>) {
        if self.is_recording() {
            self.nodes_mut(|nodes| nodes.saved.push(value.storage_span()));
        }
    }
}

/// The bytes that the derivative of a node keeps, without storage whose address is among those already `seen`.
pub(crate) fn bytes_kept<T: Float>(nodes: &Nodes<T>, index: usize, seen: &mut HashSet<usize>) -> usize {
    let kept = nodes.saved(index).iter();
    kept.filter(|&&(address, _)| seen.insert(address)).map(|&(_, bytes)| bytes).sum()
}

/// See [`AccountRow::flops`].
fn flops<T: Float>(nodes: &Nodes<T>, index: usize) -> u64 {
    let node = &nodes.list[index];
    if VIEWS.contains(&node.op) {
        return 0;
    }
    let products = 2 * multiply_adds(nodes, index);
    let largest = nodes.input_shapes(index).map(|shape| shape.numel()).max().unwrap_or(0);
    if products > 0 { products as u64 } else { largest.max(node.shape.numel()) as u64 }
}
