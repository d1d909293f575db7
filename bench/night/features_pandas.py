"""What a data scientist would know of every active customer first, in pandas.

features_pandas.py SETTINGS, as JSON: orders, interactions (lists of files), cutoff, out.
The columns have the names and the meaning of those of customer_features.
"""
import json
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds

WINDOWS = [7, 14, 30, 60, 90, 180, 365]
BROWSING = {"visit": [7, 30, 90], "view": [30, 90], "cart": [30, 90], "search": [30, 90]}
KEYS = ["order_id", "customer_id", "product_id", "category", "kind"]


def read(files, time, columns, cutoff, wanted=None):
    """Keys as categories, which group fast; numbers as floats."""
    where = ds.field(time) < pa.scalar(cutoff.tz_localize("UTC"))
    if wanted:
        where = where & ds.field("kind").isin(wanted)
    table = ds.dataset(files).to_table(columns=columns, filter=where)
    for i, field in enumerate(table.schema):
        if field.name in KEYS:
            table = table.set_column(i, field.name, table.column(i).dictionary_encode())
        elif pa.types.is_decimal(field.type):
            table = table.set_column(i, field.name, table.column(i).cast(pa.float64()))
    frame = table.unify_dictionaries().to_pandas(self_destruct=True)
    frame["at"] = frame.pop(time).dt.tz_localize(None)
    return frame


def main():
    s = json.loads(sys.argv[1])
    cutoff = pd.Timestamp(s["cutoff"])

    def since(frame, days):
        return frame[frame["at"] >= cutoff - pd.Timedelta(days=days)]

    def age(at):
        return (cutoff - at.dt.normalize()).dt.days

    def grouped(frame, keys):
        return frame.groupby(keys, observed=True, sort=False)

    out = {}

    def known(name, values, days, start):
        """A window that reaches back before the records is missing, and nothing found is 0."""
        recorded = start is not pd.NaT and start.normalize() <= cutoff - pd.Timedelta(days=days)
        out[name] = values.reindex(customers).fillna(0) if recorded else pd.Series(np.nan, customers)

    columns = ["order_id", "customer_id", "ordered_at", "product_id", "category", "quantity", "unit_price", "discount", "unit_cost"]
    lines = read(s["orders"], "ordered_at", columns, cutoff)
    started = lines["at"].min()
    lines["discount"] = lines["discount"].fillna(0)
    lines["gross"] = lines["quantity"] * lines["unit_price"]
    lines["revenue"] = lines["gross"] - lines["discount"]
    lines["margin"] = (lines["revenue"] - lines["quantity"] * lines.pop("unit_cost")).fillna((lines["revenue"] * 0.3).round(4))

    lines["customer"] = lines["customer_id"].cat.codes
    names = pd.Series(lines["customer_id"].cat.categories)
    first = names.argsort().argsort().to_numpy()  # an order belongs to its smallest customer id
    lines["place"] = first[lines["customer"]]
    by_order = grouped(lines, "order_id")
    orders = by_order.agg(
        place=("place", "min"), at=("at", "min"), gross=("gross", "sum"), discount=("discount", "sum"), revenue=("revenue", "sum"),
        margin=("margin", "sum"), units=("quantity", "sum"), lines=("quantity", "size"),
    )
    distinct = lines[["order_id", "product_id"]].drop_duplicates()
    orders["products"] = grouped(distinct, "order_id").size()
    del distinct, by_order
    orders["customer"] = np.argsort(first)[orders.pop("place")]
    orders = orders.reset_index()

    by_customer = grouped(orders, "customer")
    customers = np.sort(since(orders, 180)["customer"].unique())
    every = by_customer.agg(
        orders=("revenue", "size"), revenue=("revenue", "sum"), units=("units", "sum"), margin=("margin", "sum"), lowest=("revenue", "min"),
        highest=("revenue", "max"), lines=("lines", "sum"), products=("products", "sum"), gross=("gross", "sum"), discount=("discount", "sum"),
    ).reindex(customers)
    for name, column in {"orders_all": "orders", "spend_all": "revenue", "units_all": "units", "margin_all": "margin", "basket_min": "lowest", "basket_max": "highest"}.items():
        out[name] = every[column]
    for name, column in {"basket_mean": "revenue", "basket_units": "units", "basket_lines": "lines", "basket_products": "products"}.items():
        out[name] = every[column] / every["orders"]
    out["discount_share"] = every["discount"] / every["gross"].replace(0, np.nan)
    out["discounted_orders_share"] = grouped(orders[orders["discount"] > 0], "customer").size().reindex(customers).fillna(0) / every["orders"]
    out["basket_last"] = orders.sort_values(["at", "order_id"]).drop_duplicates("customer", keep="last").set_index("customer")["revenue"].reindex(customers)
    for n in WINDOWS:
        recent = grouped(since(orders, n), "customer").agg(orders=("revenue", "size"), spend=("revenue", "sum"), units=("units", "sum"), margin=("margin", "sum"))
        for what in ("orders", "spend", "units"):
            known(f"{what}_{n}", recent[what], n, started)
    known("margin_365", recent["margin"], 365, started)

    days = pd.DataFrame({"customer": orders["customer"], "age": age(orders["at"])}).drop_duplicates()
    days = days.sort_values(["customer", "age"], ascending=[True, False])
    days["gap"] = -grouped(days, "customer")["age"].diff()
    rhythm = grouped(days, "customer").agg(
        recency_days=("age", "min"), tenure_days=("age", "max"), order_days=("age", "size"), gap_min_days=("gap", "min"),
        gap_max_days=("gap", "max"), gap_mean_days=("gap", "mean"), gap_sd_days=("gap", "std"),
    ).reindex(customers)
    out.update({name: rhythm[name] for name in rhythm})
    out["gap_last_days"] = days.drop_duplicates("customer", keep="last").set_index("customer")["gap"].reindex(customers)
    del days, rhythm, orders

    category = lines[["product_id", "category"]].copy()
    category["category"] = category["category"].astype("string").str.strip()
    category = grouped(category[category["category"].fillna("") != ""], ["product_id", "category"]).size().rename("lines").reset_index()
    category = category.sort_values(["product_id", "lines", "category"], ascending=[True, False, True]).drop_duplicates("product_id")
    per_product = grouped(lines, ["customer", "product_id"]).agg(lines=("quantity", "size"), at=("at", "max")).reset_index()
    del lines
    per_product["category"] = per_product["product_id"].map(category.set_index("product_id")["category"]).astype("string").fillna("OTHER")
    per_category = per_product.astype({"category": "category"})
    per_category = grouped(per_category, ["customer", "category"]).agg(lines=("lines", "sum"), at=("at", "max")).reset_index()
    for what, frame in {"products": per_product, "categories": per_category}.items():
        out[f"{what}_all"] = grouped(frame, "customer").size().reindex(customers)
        for n in (90, 180, 365):
            known(f"{what}_{n}", grouped(since(frame, n), "customer").size(), n, started)
    per_category["nlogn"] = per_category["lines"] * np.log(per_category["lines"])
    tastes = grouped(per_category, "customer").agg(lines=("lines", "sum"), nlogn=("nlogn", "sum"), most=("lines", "max")).reindex(customers)
    out["category_entropy"] = (np.log(tastes["lines"]) - tastes["nlogn"] / tastes["lines"]).clip(lower=0)
    out["favourite_share"] = tastes["most"] / tastes["lines"]
    per_category["category"] = per_category["category"].astype("string")
    favourite = per_category.sort_values(["lines", "category"], ascending=[False, True]).drop_duplicates("customer")
    out["favourite_category"] = favourite.set_index("customer")["category"].reindex(customers)
    del per_product, per_category

    events = read(s["interactions"], "occurred_at", ["customer_id", "occurred_at", "kind", "amount"], cutoff, ["return", "store_visit", *BROWSING])
    numbers = pd.Series(np.arange(len(names)), names)
    codes = numbers.reindex(events["customer_id"].cat.categories).fillna(-1).astype(int).to_numpy()
    events["customer"] = codes[events.pop("customer_id").cat.codes]
    returns = events[events["kind"] == "return"]
    returned = returns["at"].min()
    for n in (30, 90, 180, 365):
        known(f"returns_{n}", grouped(since(returns, n), "customer").size(), n, returned)
    recent = since(returns, 180)
    known("returned_value_180", grouped(recent.assign(amount=recent["amount"].abs()), "customer")["amount"].sum(), 180, returned)
    events = events[events["kind"] != "return"]
    first = events["at"].min()
    for kind, spans in (BROWSING | {"store_visit": [90]}).items():
        of_kind = events[events["kind"] == kind]
        for n in spans:
            known(f"{'searche' if kind == 'search' else kind}s_{n}", grouped(since(of_kind, n), "customer").size(), n, first)
        if kind in BROWSING:
            out[f"days_since_{kind}"] = age(grouped(of_kind, "customer")["at"].max()).reindex(customers)
    recent = since(events, 30)
    distinct = pd.DataFrame({"customer": recent["customer"], "day": recent["at"].dt.normalize()}).drop_duplicates()
    known("browsing_days_30", grouped(distinct, "customer").size(), 30, first)
    out["days_since_browsing"] = age(grouped(events, "customer")["at"].max()).reindex(customers)

    result = pd.DataFrame(out)
    result.insert(0, "customer_id", names.to_numpy()[customers])
    result.sort_values("customer_id").to_parquet(s["out"], index=False)
    print(json.dumps({"version": "pandas " + pd.__version__}))


main()
