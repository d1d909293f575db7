"""Writes golden.json: inputs and the values that scikit-learn (and, for what it
lacks, a simulation of random tie breaking) gives for them.

usage: python golden.py > golden.json    (needs numpy and scikit-learn)
"""
import json
from math import ceil

import numpy as np
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score


def expected_lift(y, s, rng, share=0.1, rounds=20000):
    k, total = ceil(len(y) * share), 0.0
    for _ in range(rounds):
        o = np.lexsort((rng.random(len(y)), -s))
        total += y[o[:k]].mean()
    return total / rounds / y.mean()


def expected_hit(c, y, s, rng, k=3, rounds=20000):
    out = []
    for g in np.unique(c):
        yy, ss = y[c == g], s[c == g]
        if yy.sum():
            out.append(np.mean([yy[np.lexsort((rng.random(len(yy)), -ss))[:k]].any() for _ in range(rounds)]))
    return float(np.mean(out)), len(out)


def within_auc(c, y, s):
    both = [g for g in np.unique(c) if 0 < y[c == g].sum() < (c == g).sum()]
    return float(np.mean([roc_auc_score(y[c == g], s[c == g]) for g in both])), len(both)


def ece(y, p, bins=10):
    """rows sorted by probability, in bins of equal size (no ties across borders here)"""
    o = np.argsort(p, kind="stable")
    parts = np.array_split(o, bins)
    return float(sum(len(i) * abs(p[i].mean() - y[i].mean()) for i in parts) / len(y))


def case(name, n, rate, digits, customers, seed, simulate):
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < rate).astype(int)
    p = np.clip(1 / (1 + np.exp(-(np.log(rate / (1 - rate)) + 0.8 * y + rng.normal(0, 1, n)))), 0.001, 0.999)
    p = np.round(p, digits)
    c = rng.integers(0, customers, n)
    out = {"name": name, "labels": y.tolist(), "probabilities": p.tolist(), "customers": c.tolist(),
           "auc": roc_auc_score(y, p), "average_precision": average_precision_score(y, p),
           "log_loss": log_loss(y, np.clip(p, 1e-6, 1 - 1e-6)), "brier": brier_score_loss(y, p)}
    out["auc_within"], out["auc_within_n"] = within_auc(c, y, p)
    if simulate:  # with ties: values are means of simulations, good to about 0.01
        out["lift_simulated"] = expected_lift(y, p, rng)
        out["hit_simulated"], out["hit_n"] = expected_hit(c, y, p, rng)
    else:
        assert len(set(p)) == n and n % 10 == 0
        o = np.argsort(-p)
        out["lift"] = y[o[: n // 10]].mean() / y.mean()
        out["calibration_error"] = ece(y, p)
        hits = [y[c == g][np.argsort(-p[c == g])[:3]].any() for g in np.unique(c) if y[c == g].sum()]
        out["hit"], out["hit_n"] = float(np.mean(hits)), len(hits)
    return out


print(json.dumps([
    case("distinct scores", 300, 0.35, 12, 40, 1, False),
    case("rare positives", 500, 0.06, 12, 60, 2, False),
    case("many ties", 200, 0.3, 1, 30, 3, True),
], separators=(",", ":")))
