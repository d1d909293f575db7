"""What a data scientist would know of every active customer first, in polars.

features_polars.py SETTINGS, as JSON: orders, interactions (lists of files), cutoff, out.
The columns have the names and the meaning of those of customer_features.
"""
import datetime as dt
import json
import sys

import polars as pl

WINDOWS = [7, 14, 30, 60, 90, 180, 365]
BROWSING = {"visit": [7, 30, 90], "view": [30, 90], "cart": [30, 90], "search": [30, 90]}


def main():
    s = json.loads(sys.argv[1])
    cutoff = dt.datetime.fromisoformat(s["cutoff"])

    def since(days):
        return pl.col("at") >= cutoff - dt.timedelta(days=days)

    def age(column="at"):
        return (pl.lit(cutoff.date()) - pl.col(column).dt.date()).dt.total_days()

    def scan(files, time):
        at = pl.col(time).dt.convert_time_zone("UTC").dt.replace_time_zone(None).alias("at")
        return pl.scan_parquet(files).with_columns(at).filter(pl.col("at") < cutoff)

    def known(columns, start):
        """A window that reaches back before the records is null, and nothing found is 0."""
        out = []
        for name, days in columns.items():
            recorded = start is not None and start <= cutoff.date() - dt.timedelta(days=days)
            out.append((pl.col(name).fill_null(0) if recorded else pl.lit(None)).alias(name))
        return out

    number = pl.col("quantity", "unit_price", "discount", "unit_cost").cast(pl.Float64)
    lines = scan(s["orders"], "ordered_at").select("order_id", "customer_id", "at", "product_id", pl.col("category").str.strip_chars(), number)
    lines = lines.with_columns(pl.col("discount").fill_null(0), (pl.col("quantity") * pl.col("unit_price")).alias("gross"))
    lines = lines.with_columns((pl.col("gross") - pl.col("discount")).alias("revenue"))
    margin = pl.col("revenue") - pl.col("quantity") * pl.col("unit_cost")
    lines = lines.with_columns(margin.fill_null((pl.col("revenue") * 0.3).round(4)).alias("margin")).collect(engine="streaming")
    started = lines["at"].min().date()

    orders = lines.lazy().group_by("order_id").agg(
        pl.col("customer_id").min(), pl.col("at").min(), pl.col("gross", "discount", "revenue", "margin").sum(),
        pl.col("quantity").sum().alias("units"), pl.len().alias("lines"), pl.col("product_id").n_unique().alias("products"),
    ).collect(engine="streaming").lazy()

    windows = []
    for n in WINDOWS:
        windows += [
            since(n).sum().alias(f"orders_{n}"),
            pl.col("revenue").filter(since(n)).sum().alias(f"spend_{n}"),
            pl.col("units").filter(since(n)).sum().alias(f"units_{n}"),
        ]
    bought = orders.group_by("customer_id").agg(
        pl.len().alias("orders_all"), pl.col("revenue").sum().alias("spend_all"), pl.col("units").sum().alias("units_all"), *windows,
        pl.col("margin").sum().alias("margin_all"), pl.col("margin").filter(since(365)).sum().alias("margin_365"),
        pl.col("revenue").min().alias("basket_min"), pl.col("revenue").max().alias("basket_max"),
        pl.col("revenue").sort_by("at", "order_id").last().alias("basket_last"),
        pl.col("lines", "products", "gross", "discount").sum(),
        (pl.col("discount") > 0).sum().alias("discounted"),
    ).filter(pl.col("orders_180") > 0).with_columns(
        known({f"{what}_{n}": n for what in ("orders", "spend", "units") for n in WINDOWS} | {"margin_365": 365}, started)
    ).with_columns(
        (pl.col("spend_all") / pl.col("orders_all")).alias("basket_mean"),
        (pl.col("units_all") / pl.col("orders_all")).alias("basket_units"),
        (pl.col("lines") / pl.col("orders_all")).alias("basket_lines"),
        (pl.col("products") / pl.col("orders_all")).alias("basket_products"),
        (pl.col("discounted") / pl.col("orders_all")).alias("discounted_orders_share"),
        pl.when(pl.col("gross") != 0).then(pl.col("discount") / pl.col("gross")).alias("discount_share"),
    ).drop("lines", "products", "gross", "discount", "discounted")

    days = orders.select("customer_id", age().alias("age")).unique().sort("customer_id", "age", descending=[False, True])
    days = days.with_columns((-pl.col("age").diff().over("customer_id")).alias("gap"))
    rhythm = days.group_by("customer_id").agg(
        pl.col("age").min().alias("recency_days"), pl.col("age").max().alias("tenure_days"), pl.len().alias("order_days"),
        pl.col("gap").last().alias("gap_last_days"), pl.col("gap").min().alias("gap_min_days"), pl.col("gap").max().alias("gap_max_days"),
        pl.col("gap").mean().alias("gap_mean_days"), pl.col("gap").std().alias("gap_sd_days"),
    )

    category = (
        lines.lazy().filter(pl.col("category") != "").group_by("product_id", "category").len()
        .sort("product_id", "len", "category", descending=[False, True, False]).group_by("product_id").agg(pl.col("category").first())
    )
    per_product = lines.lazy().group_by("customer_id", "product_id").agg(pl.len().alias("lines"), pl.col("at").max())
    per_category = (
        per_product.join(category, on="product_id", how="left").with_columns(pl.col("category").fill_null("OTHER"))
        .group_by("customer_id", "category").agg(pl.col("lines").sum(), pl.col("at").max())
    )
    products = per_product.group_by("customer_id").agg(
        pl.len().alias("products_all"), *[since(n).sum().alias(f"products_{n}") for n in (90, 180, 365)])
    n = pl.col("lines")
    tastes = per_category.group_by("customer_id").agg(
        pl.len().alias("categories_all"), *[since(n).sum().alias(f"categories_{n}") for n in (90, 180, 365)],
        (n.sum().log() - (n * n.log()).sum() / n.sum()).clip(lower_bound=0).alias("category_entropy"),
        (n.max() / n.sum()).alias("favourite_share"),
        pl.col("category").sort_by(-n.cast(pl.Int64), "category").first().alias("favourite_category"),
    )

    events = scan(s["interactions"], "occurred_at").select("customer_id", "at", "kind", pl.col("amount").cast(pl.Float64))
    events = events.filter(pl.col("kind").is_in(["return", "store_visit", *BROWSING])).collect(engine="streaming").lazy()
    returns = events.filter(pl.col("kind") == "return")
    returned = returns.select(pl.col("at").min()).collect()["at"][0]
    returns = returns.group_by("customer_id").agg(
        *[since(n).sum().alias(f"returns_{n}") for n in (30, 90, 180, 365)],
        pl.col("amount").abs().filter(since(180)).sum().alias("returned_value_180"))
    browsing = events.filter(pl.col("kind") != "return")
    first = browsing.select(pl.col("at").min()).collect()["at"][0]
    counts = {f"{'searche' if kind == 'search' else kind}s_{n}": (kind, n) for kind, spans in BROWSING.items() for n in spans}
    counts["store_visits_90"] = ("store_visit", 90)
    looked = browsing.group_by("customer_id").agg(
        *[((pl.col("kind") == kind) & since(n)).sum().alias(name) for name, (kind, n) in counts.items()],
        pl.col("at").dt.date().filter(since(30)).n_unique().alias("browsing_days_30"),
        age().min().alias("days_since_browsing"),
        *[age().filter(pl.col("kind") == kind).min().alias(f"days_since_{kind}") for kind in BROWSING],
    )

    out = bought
    for table in (rhythm, products, tastes, returns, looked):
        out = out.join(table, on="customer_id", how="left")
    out = out.with_columns(
        known({f"{what}_{n}": n for what in ("products", "categories") for n in (90, 180, 365)}, started)
        + known({f"returns_{n}": n for n in (30, 90, 180, 365)} | {"returned_value_180": 180}, returned and returned.date())
        + known({name: n for name, (_, n) in counts.items()} | {"browsing_days_30": 30}, first and first.date()))
    out.sort("customer_id").collect(engine="streaming").write_parquet(s["out"])
    print(json.dumps({"version": "polars " + pl.__version__}))


main()
