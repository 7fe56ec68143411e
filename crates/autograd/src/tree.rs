//! A model drawn as a tree of its parts.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;

use ravine_plot::grouped;

use crate::module::{Part, Visitor, Walk, count};
use crate::param::Leaf;

/// The parts of a model, made by [`Module::tree`](crate::Module::tree). Printed, each part has a line: its name, with type and settings
/// for a module, and shape for a tensor. A tensor is marked `buffer`, `frozen`, or with the path of the parameter that it is tied to.
#[derive(Clone, Debug)]
pub struct Tree {
    root: Node,
    params: usize,
}

#[derive(Clone, Debug)]
struct Node {
    name: String,
    /// The type of a module, the shape and marks of a tensor.
    what: String,
    settings: Vec<String>,
    parts: Vec<Node>,
}

impl Tree {
    pub(crate) fn of(model: Part, walk: Walk<'_>) -> Tree {
        let root = Node::new(
            "",
            match model {
                Part::Module(name) => name,
                _ => "model".into(),
            },
        );
        let root = RefCell::new(root);
        let mut first_places = HashMap::new();
        let mut enter = |depth, name: &str, part| {
            let mut root = root.borrow_mut();
            let owner = root.last_at(depth - 1);
            match part {
                Part::Module(kind) => owner.parts.push(Node::new(name, kind)),
                Part::List | Part::Leaf => owner.parts.push(Node::new(name, String::new())),
                Part::Setting(value) => owner.settings.push(format!("{name} {value}")),
                Part::Nothing => {}
            }
        };
        let mut meet = |path: &str, leaf: Leaf<'_>| {
            let what = match leaf {
                Leaf::Buffer(buffer) => format!("{} buffer", buffer.shape()),
                Leaf::Param(param) => {
                    let frozen = if param.is_frozen() { " frozen" } else { "" };
                    let first = first_places.entry(param.key()).or_insert_with(|| path.to_owned());
                    let tied = if first == path { String::new() } else { format!(" tied to {first}") };
                    format!("{}{frozen}{tied}", param.shape())
                }
            };
            root.borrow_mut().last_at(usize::MAX).what = what;
        };
        walk(&mut Visitor::with_parts(&mut enter, &mut meet));
        Tree { root: root.into_inner(), params: count(walk) }
    }
}

impl Node {
    fn new(name: &str, what: String) -> Node {
        Node { name: name.into(), what, settings: Vec::new(), parts: Vec::new() }
    }

    /// The last node at this depth, or the deepest on the way there: the one that the walk has just entered.
    fn last_at(&mut self, depth: usize) -> &mut Node {
        if depth == 0 || self.parts.is_empty() {
            return self;
        }
        self.parts.last_mut().expect("not empty").last_at(depth - 1)
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, indent: &str) -> fmt::Result {
        for (i, part) in self.parts.iter().enumerate() {
            let last = i + 1 == self.parts.len();
            let Node { name, what, settings, parts } = part;
            write!(f, "{indent}{} {name}", if last { "└─" } else { "├─" })?;
            match (what.is_empty(), what.starts_with('[')) {
                (true, _) => {}
                (false, true) => write!(f, " {what}")?,
                (false, false) => write!(f, ": {what}")?,
            }
            writeln!(f, "{}", in_brackets(settings))?;
            if !parts.is_empty() {
                part.write(f, &format!("{indent}{}", if last { "   " } else { "│  " }))?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = in_brackets(&self.root.settings);
        writeln!(f, "{}{settings}: {} parameters", self.root.what, grouped(self.params))?;
        self.root.write(f, "")
    }
}

/// ` (eps 1e-5, on true)`, or nothing.
fn in_brackets(settings: &[String]) -> String {
    if settings.is_empty() { String::new() } else { format!(" ({})", settings.join(", ")) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use ravine_tensor::Tensor;

    use crate::{Buffer, Module, Param};

    #[derive(crate::Module)]
    struct Layer {
        weight: Param,
        bias: Option<Param>,
        mean: Buffer,
        eps: f64,
        on: bool,
        #[module(setting)]
        kernel: [usize; 2],
        #[module(setting, unless = None)]
        limit: Option<&'static str>,
    }

    #[derive(crate::Module)]
    struct Model {
        first: Layer,
        rest: BTreeMap<String, Vec<Param>>,
        boxed: Box<dyn Module>,
        empty: (),
    }

    #[test]
    fn everything_stands_at_its_place() {
        let param = |n: usize| Param::new(Tensor::zeros([n, 1000]));
        let weight = param(2);
        weight.set_frozen(true);
        let layer = |weight, bias, limit| Layer {
            weight,
            bias,
            mean: Buffer::new(Tensor::zeros(())),
            eps: 1e-5,
            on: true,
            kernel: [3, 1],
            limit,
        };
        let model = Model {
            first: layer(weight.tied(), None, None),
            rest: [("a".into(), vec![param(1)]), ("a.b".into(), vec![param(3), param(4)])].into(),
            boxed: Box::new(layer(weight, Some(param(5)), Some("ten"))),
            empty: (),
        };
        let want = "\
Model: 15,000 parameters
├─ first: Layer (eps 1e-5, on true, kernel [3, 1])
│  ├─ weight [2, 1000] frozen
│  └─ mean [] buffer
├─ rest
│  ├─ a
│  │  └─ 0 [1, 1000]
│  └─ a.b
│     ├─ 0 [3, 1000]
│     └─ 1 [4, 1000]
└─ boxed: Layer (eps 1e-5, on true, kernel [3, 1], limit Some(\"ten\"))
   ├─ weight [2, 1000] frozen tied to first.weight
   ├─ bias [5, 1000]
   └─ mean [] buffer
";
        assert_eq!(model.tree().to_string(), want);
        assert_eq!(param(1).tree().to_string(), "[1, 1000]: 1,000 parameters\n");
        let alone = layer(param(1), None, None).tree().to_string();
        assert!(alone.starts_with("Layer (eps 1e-5, on true, kernel [3, 1]): 1,000 parameters\n"), "{alone}");
    }
}
