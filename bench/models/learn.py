"""One contestant from PyPI: reads the rows, fits, scores, prints JSON as helper.go does."""

import json
import os
import sys
import time


def status(field):
    with open("/proc/self/status") as f:
        for line in f:
            if line.startswith(field + ":"):
                return int(line.split()[1]) << 10
    return 0


name, s = sys.argv[1], json.loads(sys.argv[2])
threads = s["threads"]
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = str(threads)

import numpy as np  # noqa: E402  (the variables come first)
import pyarrow.parquet as pq  # noqa: E402


def read(path):
    """Rows as every one of them likes them best: float32, row after row, NaN for missing."""
    file = pq.ParquetFile(path)
    columns = [c for c in file.schema_arrow.names if c != "label"]
    x = np.empty((file.metadata.num_rows, len(columns)), dtype=np.float32)
    for j, column in enumerate(columns):
        x[:, j] = file.read([column]).column(0).to_numpy()
    return x, file.read(["label"]).column(0).to_numpy()


def xgboost(**more):
    import xgboost

    return xgboost, xgboost.XGBClassifier(
        n_estimators=s["trees"], learning_rate=s["learning_rate"], max_bin=s["bins"], tree_method="hist",
        min_child_weight=1, reg_lambda=1, n_jobs=threads, random_state=1, **more)


def lightgbm():
    import lightgbm

    return lightgbm, lightgbm.LGBMClassifier(
        n_estimators=s["trees"], learning_rate=s["learning_rate"], max_bin=s["bins"], num_leaves=s["leaves"],
        min_child_weight=1, reg_lambda=1, n_jobs=threads, random_state=1, verbose=-1)


def hist_gradient_boosting():
    import sklearn
    from sklearn.ensemble import HistGradientBoostingClassifier

    return sklearn, HistGradientBoostingClassifier(
        max_iter=s["trees"], learning_rate=s["learning_rate"], max_bins=s["bins"], max_leaf_nodes=s["leaves"],
        l2_regularization=1, early_stopping=False, random_state=1)


def forest():
    import sklearn
    from sklearn.ensemble import RandomForestClassifier

    return sklearn, RandomForestClassifier(
        n_estimators=s["forest_trees"], max_depth=s["forest_depth"], min_samples_leaf=s["forest_leaf"],
        max_features=1 / 3, n_jobs=threads, random_state=1)


contestants = {
    "xgboost": lambda: xgboost(grow_policy="lossguide", max_leaves=s["leaves"], max_depth=0),
    "xgboost-depth": lambda: xgboost(max_depth=max(1, (s["leaves"]).bit_length())),
    "lightgbm": lightgbm,
    "sklearn-boost": hist_gradient_boosting,
    "sklearn-forest": forest,
}

started = time.perf_counter()
x, y = read(os.path.join(s["dir"], "train.parquet"))
test, _ = read(os.path.join(s["dir"], "test.parquet"))
library, model = contestants[name]()
out = {"version": library.__version__, "load": time.perf_counter() - started}
try:
    with open("/proc/self/clear_refs", "w") as f:
        f.write("5")
except OSError:
    pass
out["loaded"] = status("VmRSS")

started, cpu = time.perf_counter(), time.process_time()
model.fit(x, y)
out["fit"], out["cpu"] = time.perf_counter() - started, time.process_time() - cpu
took, used = [], []
for _ in range(s["predictions"]):
    started, cpu = time.perf_counter(), time.process_time()
    p = model.predict_proba(test)[:, 1]
    took.append(time.perf_counter() - started)
    used.append(time.process_time() - cpu)
out["predict"], out["predict_cpu"] = float(np.median(took)), float(np.median(used))
out["peak"] = status("VmHWM")
p.astype("<f8").tofile(os.path.join(s["dir"], "predictions.bin"))
print(json.dumps(out))
