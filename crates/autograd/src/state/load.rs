//! Loading a state into a model: strictly, or as far as the two match.

use std::collections::HashSet;
use std::fmt;

use ravine_tensor::Shape;

use super::StateDict;
use crate::module::{Module, Visitor};
use crate::param::Leaf;

/// A tensor whose shape differs from that at its path in the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatched {
    /// Its path.
    pub path: String,
    /// The shape of the tensor.
    pub found: Shape,
    /// The shape in the model.
    pub expected: Shape,
}

/// How the tensors of a state match the paths of a model.
///
/// PyTorch's norms count their batches in a tensor `num_batches_tracked`, which none of their formulas uses (unless `momentum` is `None`).
/// Ours do not have it, and its presence is not reported as unexpected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// Paths that both have, in the same shape.
    pub loaded: Vec<String>,
    /// Paths of the model that the state lacks. Files keep tied parameters once, under one of their paths: the others are not missing.
    pub missing: Vec<String>,
    /// Paths of the state that the model lacks.
    pub unexpected: Vec<String>,
    /// Paths that both have, in different shapes.
    pub mismatched: Vec<Mismatched>,
}

impl LoadReport {
    /// Whether model and state have the same paths, with the same shapes.
    pub fn is_exact(&self) -> bool {
        self.missing.is_empty() && self.unexpected.is_empty() && self.mismatched.is_empty()
    }
}

/// `8 loaded; missing: head.bias; unexpected: fc.bias; mismatched: head.weight (found [10, 5], expected [2, 5])`.
impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// How many paths of each list are named; the others are counted.
        const NAMED: usize = 8;
        write!(f, "{} loaded", self.loaded.len())?;
        let mismatched: Vec<String> = (self.mismatched.iter())
            .map(|Mismatched { path, found, expected }| {
                format!("{path} (found {found}, expected {expected})")
            })
            .collect();
        let lists =
            [("missing", &self.missing), ("unexpected", &self.unexpected), ("mismatched", &mismatched)];
        for (what, paths) in lists.into_iter().filter(|(_, paths)| !paths.is_empty()) {
            write!(f, "; {what}: {}", paths[..paths.len().min(NAMED)].join(", "))?;
            if paths.len() > NAMED {
                write!(f, " and {} more", paths.len() - NAMED)?;
            }
        }
        Ok(())
    }
}

/// The error for a state that does not match the model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the state does not fit the model: {report}")]
pub struct StateError {
    /// What fits, and what does not.
    pub report: LoadReport,
}

impl StateDict {
    /// How this state matches `model`, which is not changed.
    pub fn compare<M: Module + ?Sized>(&self, model: &M) -> LoadReport {
        let (mut report, mut places) = (LoadReport::default(), HashSet::new());
        let (mut missing, mut loaded) = (Vec::new(), HashSet::new());
        model.visit(&mut Visitor::new(&mut |path, leaf| {
            let expected = leaf.shape();
            let key = if let Leaf::Param(param) = leaf { Some(param.key()) } else { None };
            places.insert(path.to_owned());
            let path = path.to_owned();
            match self.get(&path).map(|tensor| *tensor.shape()) {
                None => missing.push((path, key)),
                Some(found) if found != expected => {
                    report.mismatched.push(Mismatched { path, found, expected })
                }
                Some(_) => {
                    report.loaded.push(path);
                    loaded.extend(key);
                }
            }
        }));
        missing.retain(|(_, key)| key.is_none_or(|key| !loaded.contains(&key)));
        report.missing = missing.into_iter().map(|(path, _)| path).collect();
        let counts_batches = |path: &str| path.rsplit('.').next() == Some("num_batches_tracked");
        let unexpected = self.paths().filter(|&path| !places.contains(path) && !counts_batches(path));
        report.unexpected = unexpected.map(str::to_owned).collect();
        report
    }

    /// Copies every tensor to its path in `model`.
    ///
    /// # Errors
    /// If the paths or shapes of the model are not those of this state. The model is then as it was.
    #[doc(alias("load_state_dict", "strict"))]
    pub fn load_into<M: Module + ?Sized>(&self, model: &M) -> Result<(), StateError> {
        let report = self.compare(model);
        if !report.is_exact() {
            return Err(StateError { report });
        }
        self.put(model);
        Ok(())
    }

    /// Copies to `model` the tensors whose path and shape it has, leaves the rest of it as it was, and reports what was done.
    #[must_use = "the report says what was not loaded"]
    #[doc(alias("load_state_dict", "strict"))]
    pub fn load_what_fits<M: Module + ?Sized>(&self, model: &M) -> LoadReport {
        let report = self.compare(model);
        self.put(model);
        report
    }

    fn put<M: Module + ?Sized>(&self, model: &M) {
        model.visit(&mut Visitor::new(&mut |path, leaf| {
            if let Some(tensor) = self.get(path).filter(|tensor| *tensor.shape() == leaf.shape()) {
                leaf.set(tensor.clone());
            }
        }));
    }
}

#[cfg(test)]
mod tests {
    use ravine_tensor::Tensor;

    use super::*;
    use crate::{Buffer, Param};

    #[test]
    fn strict_is_all_or_nothing_and_lenient_says_what_it_did() {
        let model = [("a", 2), ("b", 3), ("c", 4)]
            .map(|(path, n)| (path.to_string(), Param::new(Tensor::zeros([n]))))
            .into_iter()
            .collect::<std::collections::BTreeMap<_, _>>();
        let state: StateDict = [("a", 2), ("b", 5), ("d", 1)]
            .map(|(path, n)| (path.to_string(), Tensor::ones([n])))
            .into_iter()
            .collect();
        let error = state.load_into(&model).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the state does not fit the model: 1 loaded; missing: c; unexpected: d; mismatched: b (found [5], expected [3])"
        );
        assert_eq!(model["a"].value().to_vec(), [0.0, 0.0]);
        assert_eq!(state.load_what_fits(&model), error.report);
        assert_eq!(model["a"].value().to_vec(), [1.0, 1.0]);
        assert_eq!(model["b"].value().to_vec(), [0.0; 3]);
    }

    #[test]
    fn buffers_and_tied_parameters_come_back() {
        let weight = Param::new(Tensor::from([1.0, 2.0]));
        let model = ((weight.tied(), weight), Buffer::new(Tensor::from([5.0])));
        let state = StateDict::of(&model);
        model.0.0.set(Tensor::zeros([2]));
        model.1.set(Tensor::zeros([1]));
        state.load_into(&model).unwrap();
        assert_eq!((model.0.1.value().to_vec(), model.1.value().item()), (vec![1.0, 2.0], 5.0));
    }

    #[test]
    fn a_tied_parameter_is_in_a_file_once() {
        let weight = Param::new(Tensor::zeros([2]));
        let model = (weight.tied(), (weight, Param::new(Tensor::zeros([2]))));
        let values = Tensor::from([1.0, 2.0]);
        for path in ["0", "1.0"] {
            let state: StateDict =
                [path, "1.1"].map(|path| (path.to_owned(), values.clone())).into_iter().collect();
            model.0.set(Tensor::zeros([2]));
            state.load_into(&model).unwrap();
            assert_eq!(model.0.value(), values);
        }
        let neither: StateDict = [("1.1".to_owned(), values)].into_iter().collect();
        assert_eq!(neither.compare(&model).missing, ["0", "1.0"]);
    }

    #[test]
    fn long_lists_are_cut() {
        let state: StateDict = (0..11).map(|i| (i.to_string(), Tensor::zeros([1]))).collect();
        let text = state.compare(&()).to_string();
        assert_eq!(text, "0 loaded; unexpected: 0, 1, 2, 3, 4, 5, 6, 7 and 3 more");
    }
}
