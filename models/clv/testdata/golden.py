"""Golden numbers for package clv: python golden.py > golden.json

Two sources that share no code or formula with the package:
- "integrals": the definition of BG/NBD, integrated numerically over the order
  rate and the dropout probability (mpmath, tanh-sinh, 30 digits);
- "lifetimes": the functions of lifetimes 0.11.3, where they are defined.
Needs mpmath and lifetimes. No data set is read.
"""
import json
import sys
import warnings

import mpmath as mp
import numpy as np
from lifetimes import BetaGeoFitter, GammaGammaFitter, ModifiedBetaGeoFitter

mp.mp.dps = 30
CDNOW = (0.243, 4.414, 0.793, 2.426)

CASES = [  # r, alpha, a, b, x, tx, T, h
    (*CDNOW, 0, 0, 38.86, 39), (*CDNOW, 2, 30.43, 38.86, 39), (*CDNOW, 1, 1.71, 38.86, 39),
    (*CDNOW, 7, 29.43, 38.86, 13), (*CDNOW, 26, 30.86, 31, 52), (*CDNOW, 3, 3, 30, 4),
    (0.5, 3, 0.2, 0.3, 0, 0, 20, 12), (0.5, 3, 0.2, 0.3, 2, 9, 20, 12),  # a+b < 1
    (0.5, 3, 0.01, 0.02, 1, 9, 20, 12), (2, 6, 1, 1.5, 3, 9, 20, 12),  # a = 1
    (2, 6, 1, 0.5, 1, 9, 20, 200), (3, 2, 6, 1, 0, 0, 0, 52), (0.7, 8, 0.5, 3, 40, 100, 104, 52),
]


def quad(f, cuts):
    """mp.quad stops at an absolute error: scale the integrand to about 1"""
    top = max(abs(f((lo + hi) / 2)) for lo, hi in zip(cuts, cuts[1:]) if hi != mp.inf)
    return mp.quad(lambda v: f(v) / top, cuts) * top


def integrate(r, al, a, b, x, tx, T, h):
    """log-likelihood, P(alive), E[orders in h], P(no order in h)"""
    def over_rate(f):
        """rate = s^(1/k) takes the singular end away when r < 1"""
        m, k = (r + x) / (al + T), min(r, mp.mpf(1))

        def g(s):
            l = s**(1 / k)
            return f(l) * s**(r / k - 1) * mp.exp(-al * l)
        at = (mp.mpf(1) / 4, 1, 3, 8, 30)
        if r + x > 4:  # a peak of width m/sqrt(r+x)
            at = [1 + i / mp.sqrt(r + x) for i in range(-6, 13, 2) if i > -mp.sqrt(r + x)]
        cuts = [(m * c)**k for c in at]
        return quad(g, [0, *cuts, mp.inf]) * al**r / mp.gamma(r) / k

    def over_p(f):
        """p and q = 1-p are both given, so that neither end loses digits; p = s^(1/a)
        and q = s^(1/b) take the singular ends away"""
        beta, h = mp.beta(a, b), mp.mpf(1) / 2

        def half(g, a, b):
            return quad(lambda s: g(s**(1 / a)) * (1 - s**(1 / a))**(b - 1) / a, [0, h**a / 4, h**a])
        left = half(lambda p: f(p, 1 - p), a, b)
        right = half(lambda q: f(1 - q, q), b, a)
        return (left + right) / beta

    alive = over_p(lambda p, q: q**x) * over_rate(lambda l: l**x * mp.exp(-l * T))
    gone = over_p(lambda p, q: p * q**(x - 1)) * over_rate(lambda l: l**x * mp.exp(-l * tx)) if x else mp.mpf(0)
    quiet = over_p(lambda p, q: q**x) * over_rate(lambda l: l**x * mp.exp(-l * (T + h)))
    total = alive + gone
    mp.mp.dps = 15  # enough for the double integral
    expect = over_p(lambda p, q: q**x * over_rate(lambda l: l**x * mp.exp(-l * T) * -mp.expm1(-l * p * h)) / p)
    mp.mp.dps = 30
    return {"log_likelihood": mp.log(total), "p_alive": alive / total, "expected": expect / total,
            "p_no_order": (gone + quiet) / total}


def peer(r, al, a, b, x, tx, T, h):
    out = {}
    f, g = BetaGeoFitter(), ModifiedBetaGeoFitter()
    for m in (f, g):
        m.params_ = dict(zip(("r", "alpha", "a", "b"), (r, al, a, b)))
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            out["expected"] = float(np.ravel(f.conditional_expected_number_of_purchases_up_to_time(h, x, tx, T))[0])
        except ZeroDivisionError:
            pass  # at a = 1, and at b = 1 for one-time buyers
        out["p_alive"] = float(np.ravel(f.conditional_probability_alive(x, tx, T))[0])
        if x == 0:
            out["conservative"] = float(np.ravel(g.conditional_probability_alive(x, tx, T))[0])
    return {k: v for k, v in out.items() if np.isfinite(v)}


def values():
    f = GammaGammaFitter()
    f.params_ = {"p": 6.25, "q": 3.74, "v": 15.44}
    out = []
    for n, m in [(0, 0), (1, 11.77), (2, 22.35), (7, 73.74), (100, 5)]:
        e = float(np.ravel(f.conditional_expected_average_profit(np.array([n]), np.array([m])))[0])
        out.append({"n": n, "mean": m, "expected": e})
        if n:  # the likelihood: Gamma(pn, scale 1/(n nu)) at m, over nu
            p, q, v = map(mp.mpf, ("6.25", "3.74", "15.44"))
            k = (p * n + q) / (v + n * mp.mpf(m))

            def density(nu):
                return ((n * nu)**(p * n) * mp.mpf(m)**(p * n - 1) * mp.exp(-n * nu * m) / mp.gamma(p * n)
                        * v**q * nu**(q - 1) * mp.exp(-v * nu) / mp.gamma(q))
            w = k / mp.sqrt(p * n + q)
            cuts = [max(mp.mpf(0), k + i * w) for i in (-10, -5, -2, 0, 2, 5, 10, 20)]
            out[-1]["log_likelihood"] = float(mp.log(quad(density, [0] + [c for c in cuts if c > 0] + [mp.inf])))
    return out


rows = []
for c in CASES:
    print(c, file=sys.stderr)
    rows.append({"params": dict(zip(("r", "alpha", "a", "b"), c[:4])), "x": c[4], "tx": c[5], "t": c[6], "h": c[7],
                 "integrals": {k: float(v) for k, v in integrate(*map(mp.mpf, map(str, c[:4])), *c[4:]).items()},
                 "lifetimes": peer(*c)})
json.dump({"purchases": rows, "values": values()}, sys.stdout, indent=1)
print()
