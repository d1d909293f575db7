"""Writes golden.json: rows and the coefficients that scikit-learn's LogisticRegression
gives for them after the same preparation, written here a second time in numpy.

usage: python golden.py > golden.json    (needs numpy and scikit-learn)
"""
import json

import numpy as np
from sklearn.linear_model import LogisticRegression


def moments(t, w):
    mean = np.average(t, weights=w)
    sd = np.sqrt(np.average((t - mean) ** 2, weights=w))
    return mean, sd, np.average((t - mean) ** 3, weights=w) / sd**3 if sd > 0 else 0.0


def prepare(v, w, clip):
    """the inputs of one feature: [(name, column)]"""
    out, there = [], ~np.isnan(v)
    rate = np.average(~there, weights=w)
    if there.any():
        x, wx = v[there], w[there]
        low, high = x.min(), x.max()
        if len(np.unique(x)) > 16:
            s, k = np.sort(x), int(clip * (len(x) - 1))
            if s[k] < s[-1 - k]:
                low, high = s[k], s[-1 - k]
        f = lambda a: np.clip(a, low, high)
        mean, sd, skew = moments(f(x), wx)
        if low >= 0 and skew > 1:
            logged = moments(np.log1p(f(x)), wx)
            if abs(logged[2]) < 0.9 * skew:
                f, (mean, sd, _) = (lambda a: np.log1p(np.clip(a, low, high))), logged
        if sd > 1e-10 * abs(mean):
            out.append(("value", np.where(there, (f(np.where(there, v, low)) - mean) / sd, 0.0)))
    if 0 < rate < 1:
        out.append(("missing", (~there - rate) / np.sqrt(rate * (1 - rate))))
    return out


def case(name, columns, y, w, c, clip):
    w = w / w[w > 0].mean()
    use = w > 0
    names, matrix = [], []
    for feature, v in columns.items():
        for kind, x in prepare(v[use], w[use], clip):
            names.append([feature, kind])
            matrix.append(x)
    x = np.column_stack(matrix)
    m = LogisticRegression(C=c, solver="newton-cholesky", tol=1e-13, max_iter=1000).fit(x, y[use], sample_weight=w[use])
    return {"name": name, "c": c, "clip": clip, "features": list(columns), "labels": y.tolist(), "weights": w.tolist(),
            "columns": [[None if np.isnan(a) else a for a in v.tolist()] for v in columns.values()],
            "inputs": names, "coefficients": m.coef_[0].tolist(), "intercept": float(m.intercept_[0]),
            "probabilities": m.predict_proba(x)[:, 1].tolist()}


rng = np.random.default_rng(3)
n = 240
z = rng.normal(size=(n, 4)) @ np.array([[1, .9, 0, 0], [0, .4, 0, 0], [0, 0, 1, .5], [0, 0, 0, 2]])
y = (rng.random(n) < 1 / (1 + np.exp(-(z[:, 0] - 0.7 * z[:, 2] + 0.4)))).astype(int)
plain = {f"x{k}": np.round(z[:, k], 4) for k in range(4)}

spend = np.round(np.exp(rng.normal(3, 1.4, n)), 2)
orders = rng.poisson(2, n).astype(float)
gap = np.where(orders < 2, np.nan, np.round(rng.gamma(2, 20, n), 1))
flag = (rng.random(n) < 0.03).astype(float)
margin = np.round(rng.standard_t(3, n) * 10, 2)
tails = {"spend": spend, "orders": orders, "gap": gap, "gap_twice": 2 * gap, "flag": flag, "margin": margin,
         "constant": np.full(n, 7.0), "never": np.full(n, np.nan)}
logit = 1.2 - 0.5 * np.log1p(spend) + 0.3 * orders + 0.8 * np.isnan(gap) + flag - 0.02 * margin
y2 = (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(int)
w2 = np.round(rng.exponential(2, n), 3)
w2[rng.random(n) < 0.1] = 0

print(json.dumps([
    case("plain, C 1", plain, y, np.ones(n), 1.0, 0.0),
    case("plain, hardly a penalty", plain, y, np.ones(n), 1e4, 0.0),
    case("tails, missing values, weights", tails, y2, w2, 0.5, 0.02),
], separators=(",", ":")))
