//! Pictures of a graph: what was computed from what.

mod layout;
mod svg;

use std::collections::{HashMap, HashSet};
use std::fmt::Write;

use ravine_tensor::Float;

use crate::account::{Bytes, bytes_kept};
use crate::module::Module;
use crate::param::ParamKey;
use crate::tape::NodeId;
use crate::var::Var;

/// The graph of everything that a value was computed from, to be drawn as SVG, or as DOT for Graphviz. Constants are left out.
///
/// ```
/// use ravine_autograd::{Graph, Param, Tape};
/// use ravine_tensor::Tensor;
///
/// let model = vec![Param::new(Tensor::ones([3, 2])), Param::new(Tensor::ones([2, 3]))];
/// let tape = Tape::new();
/// let hidden = tape.input(Tensor::ones([8, 2])).linear(&tape.param(&model[0]), None).relu();
/// let loss = hidden.linear(&tape.param(&model[1]), None).square().mean(..);
/// let graph = Graph::of(&loss).named(&model);
/// assert_eq!(graph.len(), 7);
/// assert!(graph.to_svg().contains(">linear</text>"));
/// assert!(graph.to_dot().starts_with("digraph"));
/// ```
#[derive(Clone, Debug)]
pub struct Graph {
    nodes: Vec<GraphNode>,
    /// From an input to the op that uses it, by index in `nodes`.
    edges: Vec<(usize, usize)>,
}

#[derive(Clone, Debug)]
struct GraphNode {
    kind: Kind,
    /// The op, or the name of a parameter.
    title: String,
    /// The shape, and what is kept.
    detail: String,
    /// The line of the program.
    line: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Param(ParamKey),
    Variable,
    Op,
    Output,
}

impl Kind {
    /// The colour of its box.
    fn fill(self) -> &'static str {
        match self {
            Kind::Param(_) => "#fbe3c4",
            Kind::Variable => "#d3ecd0",
            Kind::Op => "#eef1f5",
            Kind::Output => "#cfe0f7",
        }
    }
}

impl Graph {
    /// The graph of `output`. Empty if that is a constant.
    pub fn of<T: Float>(output: &Var<T>) -> Graph {
        let tape = output.tape();
        let params: HashMap<NodeId, ParamKey> =
            tape.params().into_iter().map(|(param, id)| (id, param.key())).collect();
        let mut graph = Graph { nodes: Vec::new(), edges: Vec::new() };
        if output.id().is_constant() {
            return graph;
        }
        tape.nodes(|nodes| {
            let last = output.id().index();
            let mut used = vec![false; last + 1];
            used[last] = true;
            for index in (0..=last).rev() {
                if used[index] {
                    nodes
                        .inputs(index)
                        .iter()
                        .filter(|x| !x.is_constant())
                        .for_each(|x| used[x.index()] = true);
                }
            }
            let mut seen = HashSet::new();
            let mut place = HashMap::new();
            for index in (0..=last).filter(|&index| used[index]) {
                let (node, id) = (&nodes.list[index], NodeId::at(index));
                let kept = bytes_kept(nodes, index, &mut seen);
                let keeps = if kept > 0 { format!(", keeps {}", Bytes(kept)) } else { String::new() };
                place.insert(id, graph.nodes.len());
                graph.nodes.push(GraphNode {
                    kind: match params.get(&id) {
                        Some(&key) => Kind::Param(key),
                        None if index == last => Kind::Output,
                        None if node.op == "variable" => Kind::Variable,
                        None => Kind::Op,
                    },
                    title: node.op.to_owned(),
                    detail: format!("{}{keeps}", node.shape),
                    line: format!("{}:{}", node.line.file(), node.line.line()),
                });
                let inputs = nodes.inputs(index).iter().filter_map(|x| place.get(x));
                graph.edges.extend(inputs.map(|&from| (from, place[&id])));
            }
        });
        graph
    }

    /// The same graph, with the paths of a model's parameters as their names.
    #[must_use]
    pub fn named<M: Module + ?Sized>(mut self, model: &M) -> Graph {
        let names: HashMap<ParamKey, String> =
            model.named_params().into_iter().rev().map(|(path, param)| (param.key(), path)).collect();
        for node in &mut self.nodes {
            if let Kind::Param(key) = node.kind
                && let Some(name) = names.get(&key).filter(|name| !name.is_empty())
            {
                node.title.clone_from(name);
            }
        }
        self
    }

    /// The number of boxes.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is nothing to draw.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The graph in Graphviz's language: `dot -Tpdf graph.dot`.
    pub fn to_dot(&self) -> String {
        let mut dot =
            "digraph {\n  node [shape=box, style=\"rounded,filled\", fontname=\"sans-serif\"];\n".to_owned();
        for (i, node) in self.nodes.iter().enumerate() {
            let label = [&node.title, &node.detail, &node.line]
                .map(|text| text.replace('\\', "\\\\").replace('"', "\\\""));
            writeln!(dot, "  n{i} [label=\"{}\", fillcolor=\"{}\"];", label.join("\\n"), node.kind.fill())
                .expect("a string takes everything");
        }
        for (from, to) in &self.edges {
            writeln!(dot, "  n{from} -> n{to};").expect("a string takes everything");
        }
        dot + "}\n"
    }

    /// The graph as an SVG picture: inputs above, the output below, and the line of the program as a tooltip of each box.
    pub fn to_svg(&self) -> String {
        svg::render(self)
    }
}
