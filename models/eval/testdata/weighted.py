"""Writes weighted.json: inputs and the values that scikit-learn gives for weighted
rows, reliability tables, gain tables, the population stability index, and a cluster
bootstrap of the difference of two scorers (20,000 rounds, good to about 0.002).

usage: python weighted.py > weighted.json    (needs numpy, scipy and scikit-learn)
"""
import json

import numpy as np
from scipy.stats import binomtest
from sklearn.calibration import calibration_curve
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def clip(p):
    return np.clip(p, 1e-6, 1 - 1e-6)


def weighted(name, n, rate, digits, seed):
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < rate).astype(int)
    p = np.round(np.clip(sigmoid(np.log(rate / (1 - rate)) + 0.8 * y + rng.normal(0, 1, n)), 0.001, 0.999), digits)
    w = np.round(rng.exponential(2, n), 3)
    w[rng.random(n) < 0.1] = 0
    k = rng.integers(0, 4, n)  # whole weights: a weighted row is that many rows
    yy, pp = np.repeat(y, k), np.repeat(p, k)
    out = {"name": name, "labels": y.tolist(), "probabilities": p.tolist(), "weights": w.tolist(), "counts": k.tolist(),
           "auc": roc_auc_score(y, p, sample_weight=w),
           "average_precision": average_precision_score(y, p, sample_weight=w),
           "log_loss": log_loss(y, clip(p), sample_weight=w), "brier": brier_score_loss(y, p, sample_weight=w),
           "repeated": {"auc": roc_auc_score(yy, pp), "average_precision": average_precision_score(yy, pp),
                        "log_loss": log_loss(yy, clip(pp)), "brier": brier_score_loss(yy, pp)}}
    if len(set(p)) == n:  # scikit-learn's quantile bins, and gains, have no say on ties
        assert n % 10 == 0
        rates, means = calibration_curve(y, p, n_bins=10, strategy="quantile")
        out["reliability"] = [[float(a), float(b)] for a, b in zip(means[::-1], rates[::-1])]
        o, amount = np.argsort(-p), np.round(rng.exponential(100, n), 2)
        out["amounts"] = amount.tolist()
        out["captured"] = (np.cumsum(y[o])[n // 10 - 1::n // 10] / y.sum()).tolist()
        out["captured_amount"] = (np.cumsum((y * amount)[o])[n // 10 - 1::n // 10] / (y * amount).sum()).tolist()
    return out


def paired(seed, customers=250, rounds=20000):
    """two scorers, the second one a little better; rows of a customer go together"""
    rng = np.random.default_rng(seed)
    size = rng.integers(1, 6, customers)
    c = np.repeat(np.arange(customers), size)
    rng.shuffle(c)
    common = rng.normal(0, 1.2, customers)[c]
    z = common + rng.normal(0, 0.5, len(c))
    y = (rng.random(len(c)) < sigmoid(z - 0.5)).astype(int)
    a = np.round(sigmoid(0.8 * (z + rng.normal(0, 1.1, len(c))) - 0.5), 4)
    b = np.round(sigmoid(0.9 * (z + rng.normal(0, 0.8, len(c))) - 0.5), 4)
    la, lb = (-np.log(np.where(y == 1, p, 1 - p)) for p in (a, b))
    d = {"log_loss": [], "auc": []}
    for _ in range(rounds):
        w = np.bincount(rng.integers(0, customers, customers), minlength=customers)[c]
        d["log_loss"].append((w * (lb - la)).sum() / w.sum())
        d["auc"].append(auc(y, b, w) - auc(y, a, w))
    out = {"customers": c.tolist(), "labels": y.tolist(), "a": a.tolist(), "b": b.tolist()}
    out["log_loss"] = {"a": log_loss(y, a), "b": log_loss(y, b)}
    out["auc"] = {"a": roc_auc_score(y, a), "b": roc_auc_score(y, b)}
    for k, v in d.items():
        out[k]["low"], out[k]["high"] = np.percentile(v, [2.5, 97.5]).tolist()
        out[k]["below_zero"] = float((np.array(v) < 0).mean())
    return out


def auc(y, s, w):
    """weighted area with ties counting half; fast enough for the bootstrap"""
    values, at = np.unique(s, return_inverse=True)
    p = np.bincount(at, w * y, len(values))
    n = np.bincount(at, w * (1 - y), len(values))
    return float(((np.cumsum(n) - n / 2) * p).sum() / p.sum() / n.sum())


def stability(seed):
    rng = np.random.default_rng(seed)
    cases = []
    for name, e, a in [
        ("same", rng.normal(0, 1, 1000), rng.normal(0, 1, 800)),
        ("moved", rng.normal(0, 1, 1000), rng.normal(0.5, 1.2, 500)),
    ]:
        e, a = np.round(e, 6), np.round(a, 6)
        assert len(set(e)) == len(e)
        missing = rng.random(len(a)) < 0.05
        edges = np.sort(e)[99:999:100]  # the last of each tenth, inclusive
        e_rows = np.append(np.histogram(e, np.concatenate([[-np.inf], np.nextafter(edges, np.inf), [np.inf]]))[0], 0)
        a_rows = np.append(np.histogram(a[~missing], np.concatenate([[-np.inf], np.nextafter(edges, np.inf), [np.inf]]))[0], missing.sum())
        es, ac = ((r + 0.5) / (r.sum() + 0.5 * 11) for r in (e_rows, a_rows))
        cases.append({"name": name, "expected": e.tolist(), "actual": [None if m else v for v, m in zip(a.tolist(), missing)],
                      "index": float(((ac - es) * np.log(ac / es)).sum())})
    return cases


def wilson():
    out = []
    for k, n, level in [(0, 10, 0.95), (3, 40, 0.9), (77, 200, 0.95), (50, 50, 0.99)]:
        i = binomtest(k, n).proportion_ci(level, method="wilson")
        out.append([k / n, n, level, float(i.low), float(i.high)])
    return out


rng = np.random.default_rng(9)
yy, ss, ww = rng.integers(0, 2, 50), rng.integers(0, 9, 50), rng.random(50)
assert abs(auc(yy, ss, ww) - roc_auc_score(yy, ss, sample_weight=ww)) < 1e-12
print(json.dumps({
    "weighted": [weighted("distinct scores", 300, 0.35, 12, 1), weighted("rare positives", 500, 0.06, 12, 2),
                 weighted("many ties", 200, 0.3, 1, 3)],
    "paired": paired(4), "stability": stability(5), "wilson": wilson(),
}, separators=(",", ":")))
