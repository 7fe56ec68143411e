//! The result of a forward pass over some samples: the loss to differentiate, and the scores to report.

use std::fmt;

use ravine_autograd::Var;
use ravine_tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::metrics::{Average, Confusion, Hardest, Ranking, Residuals, top_k};

/// The names that [`Outcome::metric`] refuses: the loss, and the metrics that are not kept as sums.
const RESERVED: [&str; 9] = ["loss", "mae", "rmse", "r2", "perplexity", "precision", "recall", "f1", "auroc"];

/// The result of a forward pass over some samples.
pub struct Outcome {
    /// The mean loss over the samples.
    pub loss: Var,
    /// The loss and the metrics, as numbers.
    pub scores: Scores,
}

impl Outcome {
    /// The outcome with this mean loss over this many samples.
    ///
    /// `samples` is the number of items that the loss is a mean over: of tokens, for example, where padded sequences have different numbers of
    /// them. Losses, metrics and gradients of several passes are weighted by it when they are joined. It may be 0; the loss is then ignored.
    ///
    /// # Panics
    /// If `loss` is not a single number.
    #[track_caller]
    pub fn new(loss: Var, samples: usize) -> Self {
        assert!(
            loss.numel() == 1,
            "Outcome::new: a loss of shape {} is not a single number; reduce it, with mean(..)",
            loss.shape()
        );
        let sum = sum_of(&loss, samples as f64);
        Outcome { loss, scores: Scores { samples: samples as u64, loss: sum, ..Scores::default() } }
    }

    /// The same for a loss that is a weighted mean, over weights with the sum `total`, such as a cross-entropy with class weights. Losses and
    /// gradients of several passes are then weighted by it when they are joined, so that those of all shards together are the weighted mean
    /// over the whole batch. (Metrics still count each sample once, and so does a mean over several steps.)
    ///
    /// ```
    /// use ravine_autograd::{Tape, Var};
    /// use ravine_tensor::Tensor;
    /// use ravine_train::Outcome;
    ///
    /// # fn weighted_loss(logits: &Var, labels: &Tensor<i64>, weights: &Tensor) -> Var { logits.sum(..) }
    /// let class_weights = Tensor::from([0.5, 2.0]);
    /// let pass = |logits: Var, labels: &Tensor<i64>| {
    ///     let total = class_weights.index_select(0, labels).sum(..).item();
    ///     let loss = weighted_loss(&logits, labels, &class_weights);
    ///     Outcome::new(loss, labels.numel()).total_weight(total.into())
    /// };
    /// # pass(Tape::eval().input(Tensor::zeros([2, 2])), &Tensor::from([0, 1]));
    /// ```
    ///
    /// # Panics
    /// If `total` is negative or not finite.
    #[track_caller]
    #[must_use]
    pub fn total_weight(mut self, total: f64) -> Self {
        assert!(
            total >= 0.0 && total.is_finite(),
            "Outcome::total_weight: found {total}, expected a finite number that is not negative"
        );
        (self.scores.loss, self.scores.weight) = (sum_of(&self.loss, total), Some(total));
        self
    }

    /// The cross-entropy of logits `[batch, classes]` with class indices `[batch]`, and the metric `accuracy`. With logits
    /// `[batch, tokens, classes]` and indices `[batch, tokens]`, each token is a sample.
    ///
    /// An evaluating pass (a training pass is kept short) also counts the [`Confusion`] of up to [`Scores::MAX_CLASSES`] classes, from which
    /// the metrics `precision`, `recall` and `f1` follow, and notes the [`Hardest`] samples, but not tokens.
    ///
    /// # Panics
    /// If the shapes do not fit together, or a label is not a class.
    #[track_caller]
    pub fn classification(logits: &Var, labels: &Tensor<i64>) -> Self {
        let predicted = logits.value().argmax(-1);
        let right = predicted.eq(labels).count(|hit| hit);
        let mut outcome =
            Outcome::new(logits.cross_entropy(labels), labels.numel()).metric("accuracy", right as f64);
        if !logits.tape().is_training() {
            let classes = logits.value().size(-1);
            if logits.rank() == 2 {
                outcome.scores.hardest = Hardest::of(logits.value(), labels);
            }
            outcome.scores.confusion =
                (classes <= Scores::MAX_CLASSES).then(|| Confusion::of(&predicted, labels, classes));
        }
        outcome
    }

    /// The cross-entropy `-Σ t log softmax(x)` of logits `x [batch, classes]` with target probabilities `t [batch, classes]`, such as those of
    /// mixup, and the metric `accuracy`: how often the highest logit is that of the class with the highest target.
    ///
    /// An evaluating pass counts and notes what [`classification`](Self::classification) does.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn soft_classification(logits: &Var, targets: &Tensor) -> Self {
        assert!(
            logits.rank() == 2 && logits.shape() == targets.shape(),
            "soft_classification: logits {} and targets {}; expected [batch, classes] of both",
            logits.shape(),
            targets.shape()
        );
        let target = logits.tape().input(targets.clone());
        let loss = -(logits.log_softmax() * target).sum(-1).mean(..);
        let counted = Outcome::classification(logits, &targets.argmax(-1));
        let sum = sum_of(&loss, counted.scores.weight());
        Outcome { loss, scores: Scores { loss: sum, ..counted.scores } }
    }

    /// The mean squared error of a prediction `[batch, ..]`, and the metrics `mae`, `rmse` and `r2` over all its elements.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn regression(prediction: &Var, target: &Tensor) -> Self {
        let (found, wanted) = (prediction.shape(), target.shape());
        assert!(
            found == wanted,
            "Outcome::regression: prediction {found} and target {wanted} differ; squeeze(1) makes a column a row of numbers"
        );
        let residuals = Residuals::of(prediction.value(), target);
        let loss = (prediction - prediction.tape().input(target.clone())).square().mean(..);
        let mut outcome = Outcome::new(loss, target.shape().first().copied().unwrap_or(1));
        outcome.scores.residuals = Some(residuals);
        outcome
    }

    /// Adds the metric `topK`: how many samples have their label among the `k` highest of `logits` `[batch, classes]`.
    /// A NaN counts as higher than every number, but a sample is no hit if the logit of its label is NaN.
    ///
    /// # Panics
    /// If the shapes do not fit together, a label is not a class, or there is a metric of this name already.
    #[track_caller]
    #[must_use]
    pub fn top_k(self, logits: &Var, labels: &Tensor<i64>, k: usize) -> Self {
        let hits = top_k(logits.value(), labels, k);
        self.metric(&format!("top{k}"), hits as f64)
    }

    /// Adds the metric `auroc`, the area under the ROC curve of scores `[batch]` for labels `[batch]` of 0 and 1; only in evaluating
    /// passes, because every score is kept.
    ///
    /// # Panics
    /// If the numbers of elements differ, a label is neither 0 nor 1, or there is an `auroc` already.
    #[track_caller]
    #[must_use]
    pub fn auroc(mut self, scores: &Var, labels: &Tensor<i64>) -> Self {
        assert!(self.scores.ranking.is_none(), "Outcome::auroc: there is a metric auroc already");
        if !scores.tape().is_training() {
            self.scores.ranking = Some(Ranking::of(scores.value(), labels));
        }
        self
    }

    /// Adds the metric `perplexity`, `exp(loss)`, for a loss that is a mean cross-entropy over tokens.
    #[must_use]
    pub fn perplexity(mut self) -> Self {
        self.scores.perplexity = true;
        self
    }

    /// Adds a metric, given as its sum over the samples; it is reported as the mean.
    ///
    /// # Panics
    /// If there is a metric of this name already, or the name is reserved: `loss`, `mae`, `rmse`, `r2`, `perplexity`, `precision`, `recall`,
    /// `f1` or `auroc`.
    #[track_caller]
    #[must_use]
    pub fn metric(mut self, name: &str, sum: f64) -> Self {
        assert!(
            !RESERVED.contains(&name),
            "Outcome::metric: {name} is the name of a metric of Ravine's own; choose another"
        );
        assert!(
            self.scores.means.iter().all(|(other, _)| other != name),
            "Outcome::metric: there is a metric {name} already; each needs a name of its own"
        );
        self.scores.means.push((name.to_owned(), sum));
        self
    }
}

/// The loss and the metrics of a number of samples, kept as sums so that those of several passes can be joined.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    samples: u64,
    /// The sum of the losses, each times its weight.
    loss: f64,
    /// The sum of the weights, if they are not all 1; only until all passes over a batch or a data set are joined.
    #[serde(skip)]
    weight: Option<f64>,
    /// Metrics that are means over the samples, as sums.
    means: Vec<(String, f64)>,
    residuals: Option<Residuals>,
    perplexity: bool,
    /// Metrics that were computed from the fields below, which are not saved: they can be large, and only an evaluation has them.
    settled: Vec<(String, f64)>,
    #[serde(skip)]
    confusion: Option<Confusion>,
    #[serde(skip)]
    ranking: Option<Ranking>,
    #[serde(skip)]
    hardest: Hardest,
}

impl Scores {
    /// The largest number of classes for which [`Outcome::classification`] counts the confusion.
    pub const MAX_CLASSES: usize = 256;

    /// The largest of the counters: of samples, or of their elements.
    pub(crate) fn counted(&self) -> u64 {
        self.samples.max(self.residuals.map_or(0, |residuals| residuals.count()))
    }

    /// The scores of these samples, given as sums.
    pub(crate) fn from_sums(samples: u64, loss: f64, means: Vec<(String, f64)>) -> Self {
        Scores { samples, loss, means, ..Scores::default() }
    }

    /// The number of samples.
    pub fn samples(&self) -> usize {
        self.samples as usize
    }

    /// The mean loss; NaN if there are no samples.
    pub fn loss(&self) -> f64 {
        self.loss / self.weight()
    }

    /// By what the loss is weighted.
    pub(crate) fn weight(&self) -> f64 {
        self.weight.unwrap_or(self.samples as f64)
    }

    /// With the same mean loss, as if each sample had the weight 1.
    pub(crate) fn by_samples(mut self) -> Self {
        if self.weight.is_some() {
            self.loss = if self.samples == 0 { 0.0 } else { self.loss() * self.samples as f64 };
            self.weight = None;
        }
        self
    }

    /// The metric of this name, if there is one; `loss` is one too.
    pub fn metric(&self, name: &str) -> Option<f64> {
        if name == "loss" {
            return Some(self.loss());
        }
        self.metrics().find_map(|(found, value)| (found == name).then_some(value))
    }

    /// The metrics, by name: first those that were added as sums, in their order, then those of Ravine's own: `mae`, `rmse`, `r2`,
    /// `perplexity`, `precision`, `recall` and `f1` (means over the classes), `auroc`.
    pub fn metrics(&self) -> impl Iterator<Item = (&str, f64)> {
        let means = self.means.iter().map(|(name, sum)| (name.as_str(), sum / self.samples as f64));
        let residuals =
            self.residuals.iter().flat_map(|r| [("mae", r.mae()), ("rmse", r.rmse()), ("r2", r.r2())]);
        let perplexity = self.perplexity.then(|| ("perplexity", self.loss().exp()));
        let settled = self.settled.iter().map(|(name, value)| (name.as_str(), *value));
        means.chain(residuals).chain(perplexity).chain(settled).chain(self.unsettled())
    }

    /// The metrics that are computed from fields that are not saved.
    fn unsettled(&self) -> impl Iterator<Item = (&str, f64)> {
        let macros = |c: &Confusion| {
            let average = Average::Macro;
            [("precision", c.precision(average)), ("recall", c.recall(average)), ("f1", c.f1(average))]
        };
        let confusion = self.confusion.iter().flat_map(macros);
        confusion.chain(self.ranking.as_ref().and_then(Ranking::auroc).map(|area| ("auroc", area)))
    }

    /// The confusion matrix, if the samples were classified in an evaluating pass.
    pub fn confusion(&self) -> Option<&Confusion> {
        self.confusion.as_ref()
    }

    /// The samples with the highest loss; none unless they were classified in an evaluating pass.
    pub fn hardest(&self) -> &Hardest {
        &self.hardest
    }

    /// The same metrics, without the fields that are not saved.
    pub(crate) fn settle(&self) -> Scores {
        let mut settled = self.settled.clone();
        settled.extend(self.unsettled().map(|(name, value)| (name.to_owned(), value)));
        Scores {
            samples: self.samples,
            loss: self.loss,
            means: self.means.clone(),
            residuals: self.residuals,
            perplexity: self.perplexity,
            settled,
            ..Scores::default()
        }
    }

    /// Adds the scores of other samples, which come after these.
    pub fn add(&mut self, other: &Scores) {
        self.hardest.add(&other.hardest, self.samples());
        if self.weight.is_some() || other.weight.is_some() {
            self.weight = Some(self.weight() + other.weight());
        }
        self.samples += other.samples;
        self.loss += other.loss;
        for (name, sum) in &other.means {
            match self.means.iter_mut().find(|(found, _)| found == name) {
                Some((_, total)) => *total += sum,
                None => self.means.push((name.clone(), *sum)),
            }
        }
        self.perplexity |= other.perplexity;
        join(&mut self.residuals, &other.residuals, Residuals::add);
        join(&mut self.confusion, &other.confusion, Confusion::add);
        join(&mut self.ranking, &other.ranking, Ranking::add);
    }
}

/// `loss 0.0123  accuracy 98.76 %`: the loss and the metrics, except precision, recall, F1 and the mean absolute error, which are only in
/// [`Scores::metrics`].
impl fmt::Display for Scores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "loss {:.4}", self.loss())?;
        for (name, value) in self.metrics() {
            match name {
                "precision" | "recall" | "f1" | "mae" => {}
                "accuracy" => write!(f, "  accuracy {:.2} %", 100.0 * value)?,
                _ => write!(f, "  {name} {value:.4}")?,
            }
        }
        Ok(())
    }
}

/// The sum of the losses whose mean is `mean`: 0 if there are none, whose mean is NaN.
fn sum_of(mean: &Var, weight: f64) -> f64 {
    if weight == 0.0 { 0.0 } else { f64::from(mean.item()) * weight }
}

/// Adds `other` to `sum`, where it is missing from either as if it were 0.
fn join<T: Clone>(sum: &mut Option<T>, other: &Option<T>, add: impl Fn(&mut T, &T)) {
    match (sum, other) {
        (Some(sum), Some(other)) => add(sum, other),
        (sum @ None, Some(other)) => *sum = Some(other.clone()),
        (_, None) => {}
    }
}

#[cfg(test)]
mod tests {
    use ravine_autograd::Tape;
    use ravine_tensor::Rng;

    use super::*;

    #[test]
    fn classification_counts_what_is_right() {
        let logits = Tape::eval().input(Tensor::from([[2.0, 1.0], [0.0, 3.0], [5.0, 3.0], [0.0, 1.0]]));
        let labels = Tensor::from([0, 1, 1, 0]);
        let scores = Outcome::classification(&logits, &labels).top_k(&logits, &labels, 2).scores;
        assert_eq!(
            (scores.samples(), scores.metric("accuracy"), scores.metric("top2")),
            (4, Some(0.5), Some(1.0))
        );
        assert_eq!(
            (scores.metric("recall"), scores.metric("f1"), scores.metric("auroc")),
            (Some(0.5), Some(0.5), None)
        );
        assert_eq!(scores.hardest().iter().map(|hard| hard.sample).collect::<Vec<_>>(), [2, 3, 0, 1]);
        assert_eq!(scores.metric("loss"), Some(scores.loss()));
    }

    #[test]
    fn scores_show_loss_and_metrics() {
        let scores = Scores::from_sums(4, 1.0, vec![("accuracy".into(), 3.0), ("top2".into(), 4.0)]);
        assert_eq!(scores.to_string(), "loss 0.2500  accuracy 75.00 %  top2 1.0000");
        assert_eq!(Scores::default().to_string(), "loss NaN");
    }

    #[test]
    fn tokens_are_classified_in_both_kinds_of_passes() {
        let logits: Tensor = Tensor::from_fn([2, 3, 4], |i| (i * 5 % 7) as f32);
        let labels = Tensor::from_fn([2, 3], |i| (i % 4) as i64);
        for tape in [Tape::train(Rng::new(0)), Tape::eval()] {
            let of = |logits: Tensor, labels: &Tensor<i64>| {
                Outcome::classification(&tape.input(logits), labels).scores
            };
            let (tokens, rows) =
                (of(logits.clone(), &labels), of(logits.reshape([6, 4]), &labels.reshape([6])));
            assert_eq!((tokens.samples(), tokens.loss()), (6, rows.loss()));
            assert!(tokens.metrics().eq(rows.metrics()));
        }
    }

    #[test]
    fn training_passes_are_kept_short() {
        let tape = Tape::train(Rng::new(0));
        let logits = tape.input(Tensor::from([[2.0, 1.0], [0.0, 3.0]]));
        let labels = Tensor::from([0, 1]);
        let scores = Outcome::classification(&logits, &labels).auroc(&logits.sum(-1), &labels).scores;
        assert_eq!(scores.metrics().collect::<Vec<_>>(), [("accuracy", 1.0)]);
    }

    /// An outcome with no metric yet.
    fn plain() -> Outcome {
        Outcome::new(Tape::eval().input(Tensor::scalar(1.0)), 2)
    }

    #[test]
    #[should_panic(expected = "Outcome::metric: there is a metric acc already; each needs a name of its own")]
    fn two_metrics_of_one_name() {
        let _ = plain().metric("acc", 1.0).metric("other", 1.0).metric("acc", 0.5);
    }

    #[test]
    #[should_panic(expected = "Outcome::metric: there is a metric top1 already")]
    fn top_k_twice() {
        let logits = Tape::eval().input(Tensor::from([[2.0, 1.0], [0.0, 3.0]]));
        let labels = Tensor::from([0, 1]);
        let _ = plain().top_k(&logits, &labels, 1).top_k(&logits, &labels, 1);
    }

    #[test]
    fn names_of_other_metrics_are_taken() {
        for name in RESERVED {
            let outcome = std::panic::catch_unwind(|| plain().metric(name, 1.0));
            let message = *outcome.err().unwrap().downcast::<String>().unwrap();
            assert!(message.starts_with(&format!("Outcome::metric: {name} is the name of ")), "{message}");
        }
        // They are all there are.
        let tape = Tape::eval();
        let logits = tape.input(Tensor::from([[2.0, 1.0], [0.0, 3.0]]));
        let labels = Tensor::from([0, 1]);
        let classified = Outcome::classification(&logits, &labels).auroc(&logits.narrow(1, 1, 1), &labels);
        let regressed = Outcome::regression(&logits, logits.value()).perplexity();
        let mut names: Vec<String> = ["loss", "accuracy"].map(String::from).into();
        for scores in [classified.scores, regressed.scores] {
            names.extend(scores.metrics().map(|(name, _)| name.to_owned()).filter(|name| name != "accuracy"));
        }
        names.sort();
        let mut taken = RESERVED.to_vec();
        taken.push("accuracy");
        taken.sort_unstable();
        assert_eq!(names, taken);
    }

    #[test]
    fn scores_join_by_samples() {
        let mut joined = Scores::from_sums(3, 6.0, vec![("m".into(), 3.0)]);
        joined.add(&Scores::from_sums(1, 0.0, vec![("m".into(), 0.0)]));
        assert_eq!((joined.loss(), joined.metric("m")), (1.5, Some(0.75)));
    }

    #[test]
    fn regression_and_perplexity() {
        let tape = Tape::eval();
        let outcome =
            |x: [f32; 2], y: [f32; 2]| Outcome::regression(&tape.input(Tensor::from(x)), &Tensor::from(y));
        let mut scores = outcome([1.0, 2.0], [1.0, 4.0]).perplexity().scores;
        scores.add(&outcome([0.0, 0.0], [0.0, 0.0]).scores);
        assert_eq!((scores.loss(), scores.metric("mae"), scores.metric("rmse")), (1.0, Some(0.5), Some(1.0)));
        assert_eq!(scores.metric("perplexity"), Some(1f64.exp()));
    }

    #[test]
    fn settling_keeps_every_number() {
        let tape = Tape::eval();
        let logits = tape.input(Tensor::from([[2.0, 1.0], [0.0, 3.0], [5.0, 4.0]]));
        let labels = Tensor::from([0, 1, 1]);
        let scores = Outcome::classification(&logits, &labels).auroc(&logits.narrow(1, 1, 1), &labels).scores;
        let settled = scores.settle();
        assert!(settled.metrics().eq(scores.metrics()));
        assert!(settled.confusion().is_none() && settled.hardest().iter().next().is_none());
        assert_eq!(settled.metric("auroc"), Some(1.0));
    }
}
