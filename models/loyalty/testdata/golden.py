"""Writes golden.json: the loyalty index fitted by SciPy. Run: python golden.py > golden.json

The same objective as models/loyalty (log-likelihood with a ridge on standardised
log(1 + x)), minimised by L-BFGS-B with bounds, and the clustered sandwich by hand.
"""
import json

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

RIDGE = 1.0


def make(rng, n, beta, wrong=None, cutoffs=1):
    people = n // cutoffs
    rate = rng.gamma(1.2, 4, people)
    rows, again, groups = [], [], []
    for _ in range(cutoffs):
        orders = rng.poisson(rate)
        products = np.minimum(orders * rng.integers(1, 4, people), 40)
        units = products * rng.integers(1, 6, people)
        revenue = np.round(units * rng.lognormal(2, 0.6, people), 2)
        x = np.stack([orders, products, units, revenue], axis=1).astype(float)
        z = beta[0] + np.log1p(x) @ np.array(beta[1:])
        if wrong is not None:
            z -= wrong * np.log1p(revenue)
        rows.append(x)
        again.append(rng.random(people) < expit(z))
        groups.append(np.arange(people))
    return np.concatenate(rows), np.concatenate(again), np.concatenate(groups)


def fit(x, again, groups):
    lx = np.log1p(x)
    mean, scale = lx.mean(axis=0), lx.std(axis=0)
    z = (lx - mean) / scale
    z1 = np.column_stack([np.ones(len(z)), z])
    y = again.astype(float)

    def objective(theta):
        s = z1 @ theta
        value = np.logaddexp(0, s).sum() - y @ s + RIDGE / 2 * (theta[1:] ** 2).sum()
        gradient = z1.T @ (expit(s) - y)
        gradient[1:] += RIDGE * theta[1:]
        return value, gradient

    best = minimize(objective, np.zeros(5), jac=True, method="L-BFGS-B",
                    bounds=[(None, None)] + [(0, None)] * 4,
                    options={"maxiter": 10000, "ftol": 1e-16, "gtol": 1e-9, "maxcor": 30})
    theta = best.x
    theta[1:][theta[1:] < 1e-9] = 0
    p = expit(z1 @ theta)
    free = [0] + [j for j in range(1, 5) if theta[j] > 0]
    hessian = (z1 * (p * (1 - p))[:, None]).T @ z1 + RIDGE * np.diag([0, 1, 1, 1, 1])
    bread = np.linalg.inv(hessian[np.ix_(free, free)])
    scores = (p - y)[:, None] * z1
    sums = np.zeros((groups.max() + 1, 5))
    np.add.at(sums, groups, scores)
    covariance = bread @ (sums.T @ sums)[np.ix_(free, free)] @ bread
    back = np.array([1.0] + [-mean[j - 1] / scale[j - 1] for j in free[1:]])
    errors = [None] * 4
    for a, j in enumerate(free[1:], start=1):
        errors[j - 1] = float(np.sqrt(covariance[a, a]) / scale[j - 1])
    coefficients = theta[1:] / scale
    return {
        "Intercept": float(theta[0] - coefficients @ mean),
        "Coefficients": coefficients.tolist(),
        "InterceptError": float(np.sqrt(back @ covariance @ back)),
        "CoefficientErrors": errors,
        "LogLikelihood": float(-(np.logaddexp(0, z1 @ theta).sum() - y @ (z1 @ theta))),
    }


def case(name, rng, **kwargs):
    x, again, groups = make(rng, **kwargs)
    return {"Name": name, "Rows": x.tolist(), "Again": again.tolist(), "Groups": groups.tolist(), **fit(x, again, groups)}


def main():
    rng = np.random.default_rng(4)
    print(json.dumps([
        case("all count", rng, n=400, beta=[-3, 0.8, 0.5, 0.2, 0.1]),
        case("one held at 0", rng, n=400, beta=[-1, 1.2, 0.0, 0.0, 0.0], wrong=0.3),
        case("the same customers twice", rng, n=500, beta=[-2.5, 0.6, 0.3, 0.3, 0.0], cutoffs=2),
    ]))


main()
