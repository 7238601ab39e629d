"""Scores of random predictions by scikit-learn and SciPy, for tests/shared/metrics.

python3 -m venv venv && venv/bin/pip install numpy scipy scikit-learn && venv/bin/python tests/parity/generate_scores.py
"""

import json
import pathlib

import numpy as np
import scipy.stats
import sklearn.metrics as m

rng = np.random.default_rng(20240611)


def table(items, classes, ties, absent=None):
    truth = rng.integers(0, classes, items)
    if absent is not None:
        truth[truth == absent] = (absent + 1) % classes
    logits = rng.normal(size=(items, classes)) + 1.2 * np.eye(classes)[truth]
    values = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    if ties:
        values = np.round(values * 4) / 4 + 0.05
        values /= values.sum(1, keepdims=True)
    return truth, values


def calibration_error(truth, values, bins=15):
    confidence, called = values.max(1), values.argmax(1)
    error = 0.0
    for b in range(bins):
        inside = (confidence > b / bins) & (confidence <= (b + 1) / bins)
        if inside.any():
            error += inside.mean() * abs((called[inside] == truth[inside]).mean() - confidence[inside].mean())
    return error


def scores(truth, values, classes):
    called = values.argmax(1)
    labels = list(range(classes))
    precision, recall, f1, support = m.precision_recall_fscore_support(truth, called, labels=labels, zero_division=np.nan)
    present = [k for k in labels if 0 < (truth == k).sum() < len(truth)]
    areas = [m.roc_auc_score(truth == k, values[:, k]) for k in present]
    area = areas[-1] if classes == 2 else float(np.mean(areas))
    if classes > 2 and len(present) == classes:
        assert np.isclose(area, m.roc_auc_score(truth, values, multi_class="ovr", average="macro"), atol=1e-12)
    return {
        "accuracy": m.accuracy_score(truth, called),
        "balancedAccuracy": m.balanced_accuracy_score(truth, called),
        "macroF1": m.f1_score(truth, called, average="macro"),
        "quadraticWeightedKappa": m.cohen_kappa_score(truth, called, weights="quadratic", labels=labels),
        "precision": precision.tolist(),
        "recall": recall.tolist(),
        "f1": f1.tolist(),
        "support": support.tolist(),
        "auroc": area,
        "calibrationError": calibration_error(truth, values),
        "confusion": m.confusion_matrix(truth, called, labels=labels).tolist(),
    }


def no_nan(value):
    if isinstance(value, dict):
        return {k: no_nan(v) for k, v in value.items()}
    if isinstance(value, list):
        return [no_nan(v) for v in value]
    return None if isinstance(value, float) and np.isnan(value) else value


tables = []
for name, items, classes, ties, absent in [
    ("two classes", 40, 2, False, None),
    ("two classes with ties", 40, 2, True, None),
    ("five classes", 60, 5, False, None),
    ("five classes with ties", 60, 5, True, None),
    ("a class without items", 50, 4, False, 2),
    ("nine classes, few items", 30, 9, False, None),
]:
    truth, values = table(items, classes, ties, absent)
    tables.append({
        "name": name, "classes": classes, "truth": truth.tolist(), "values": values.ravel().tolist(),
        "expect": scores(truth, values, classes),
    })

pairs = []
for n in [2, 3, 5, 8, 20]:
    b = rng.normal(0.8, 0.05, n)
    a = b + rng.normal(0.02, 0.03, n)
    t = scipy.stats.ttest_rel(a, b)
    w = scipy.stats.wilcoxon(a, b, method="exact")
    plus = float(scipy.stats.rankdata(abs(a - b))[(a - b) > 0].sum())
    pairs.append({
        "a": a.tolist(), "b": b.tolist(), "t": t.statistic, "tP": t.pvalue, "plus": plus, "ranksP": w.pvalue,
    })

adjusted = {"p": [0.01, 0.04, 0.03, 0.005, 0.5]}
ordered = np.sort(adjusted["p"])
step = np.minimum(1, np.maximum.accumulate(ordered * (len(ordered) - np.arange(len(ordered)))))
adjusted["holm"] = [float(step[list(ordered).index(p)]) for p in adjusted["p"]]

out = pathlib.Path(__file__).parent / "scores" / "scores.json"
out.write_text(json.dumps(no_nan({"tables": tables, "pairs": pairs, "holm": adjusted})) + "\n")
