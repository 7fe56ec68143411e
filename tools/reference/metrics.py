"""Metrics, as scikit-learn reckons them (pip install scikit-learn)."""

import warnings

import numpy as np
from sklearn import metrics as m

from common import write


def cases():
    warnings.simplefilter("ignore")
    rng = np.random.default_rng(3)
    for classes, samples, known in [(2, 20, 2), (4, 50, 4), (6, 30, 4), (3, 1, 3)]:
        # Some classes may never occur, as labels or as predictions.
        labels = rng.integers(0, known, samples)
        # Fine enough that no two are equal: scikit-learn prefers the later class of equals, we the earlier one, as argmax does.
        scores = np.round(rng.normal(size=(samples, classes)) + 1.5 * np.eye(classes)[labels], 5)
        predicted = scores.argmax(1)
        averages = {
            average: [f(labels, predicted, average=average, zero_division=0) for f in (m.precision_score, m.recall_score, m.f1_score)]
            for average in ("macro", "micro", "weighted")
        }
        yield {
            "name": "classification",
            "classes": classes,
            "labels": labels.tolist(),
            "scores": scores.ravel().tolist(),
            "confusion": m.confusion_matrix(labels, predicted, labels=range(classes)).ravel().tolist(),
            "accuracy": m.accuracy_score(labels, predicted),
            "averages": averages,
            "top2": m.top_k_accuracy_score(labels, scores, k=2, labels=range(classes)) if classes > 2 else 1.0,
            "log_loss": m.log_loss(labels, np.exp(scores) / np.exp(scores).sum(1, keepdims=True), labels=range(classes)),
        }
    for samples, places in [(30, 3), (200, 1)]:
        labels = rng.integers(0, 2, samples)
        scores = np.round(rng.normal(size=samples) + labels, places)
        yield {"name": "ranking", "labels": labels.tolist(), "scores": scores.tolist(), "auroc": m.roc_auc_score(labels, scores)}
    for samples, mean in [(20, 0), (64, 300)]:
        targets = np.round(rng.normal(size=samples) * 2 + mean, 2).astype(np.float32).astype(float)
        found = np.round(targets + rng.normal(size=samples), 2).astype(np.float32).astype(float)
        yield {
            "name": "regression",
            "targets": targets.tolist(),
            "predictions": found.tolist(),
            "mae": m.mean_absolute_error(targets, found),
            "rmse": m.root_mean_squared_error(targets, found),
            "r2": m.r2_score(targets, found),
        }


write("crates/train/tests/data/metrics.json", [dict(case) for case in cases()])
