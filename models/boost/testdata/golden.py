"""Writes golden.json: rows, and the scores (log-odds) that xgboost's histogram method
gives them. Features have few values, so that both know the same cuts; where xgboost
rounds to 32 bits, we round gradients.

usage: python golden.py > golden.json    (needs numpy and xgboost)
"""
import json
import sys

import numpy as np
import xgboost


def rows(seed, n=400):
    r = np.random.default_rng(seed)
    x = np.column_stack([
        r.integers(0, 60, n), r.integers(0, 12, n), np.round(r.normal(size=n), 1),
        r.integers(0, 2, n), np.round(r.exponential(size=n), 1),
    ]).astype(float)
    x[r.random(n) < 0.3, 2] = np.nan
    x[r.random(n) < 0.1, 0] = np.nan
    z = 0.05 * (np.nan_to_num(x[:, 0], nan=50) - 30) - 0.2 * x[:, 1] * x[:, 3] + np.nan_to_num(x[:, 2], nan=1) - 0.5 * x[:, 4]
    return x, (r.random(n) < 1 / (1 + np.exp(-z))).astype(int)


def case(name, seed, weighted=False, monotone=None, **p):
    x, y = rows(seed)
    w = np.random.default_rng(seed + 100).choice([0.25, 1.0, 3.0], len(y)) if weighted else np.ones(len(y))
    w /= w.mean()
    model = xgboost.train({
        "objective": "binary:logistic", "tree_method": "hist", "grow_policy": "lossguide", "max_bin": 256,
        "base_score": float(np.average(y, weights=w)), "eta": p["learning_rate"], "max_leaves": p["max_leaves"],
        "max_depth": p.get("max_depth", 0), "min_child_weight": p["min_child_weight"], "lambda": p["lambda"],
        "gamma": 2 * p.get("gamma", 0),  # its gains lack the half of the loss's expansion
        "monotone_constraints": "(" + ",".join(str((monotone or {}).get(f"f{j}", 0)) for j in range(x.shape[1])) + ")",
        "nthread": 1, "seed": 1,
    }, xgboost.DMatrix(x, label=y, weight=w), num_boost_round=p["rounds"])
    margin = model.predict(xgboost.DMatrix(x), output_margin=True)
    return {
        "name": name, "params": p | ({"monotone": monotone} if monotone else {}),
        "columns": [[None if np.isnan(v) else v for v in c] for c in x.T.tolist()], "labels": y.tolist(),
        "weights": w.tolist() if weighted else None, "scores": [round(float(m), 6) for m in margin],
    }


json.dump([
    case("plain", 1, rounds=30, learning_rate=0.1, max_leaves=8, min_child_weight=2, **{"lambda": 1}),
    case("by depth, with gamma", 2, rounds=20, learning_rate=0.1, max_leaves=64, max_depth=3, min_child_weight=1, gamma=0.5, **{"lambda": 2}),
    case("weights", 3, weighted=True, rounds=25, learning_rate=0.1, max_leaves=6, min_child_weight=3, **{"lambda": 1}),
    case("monotone", 4, monotone={"f1": 1, "f4": -1}, rounds=30, learning_rate=0.1, max_leaves=8, min_child_weight=2, **{"lambda": 1}),
], sys.stdout, separators=(",", ":"))
print()
