-- How much the customer buys, in windows that end at the cutoff and in all.
WITH windowed AS (
    SELECT
        customer_id,
        COUNT(*) AS orders_all,
        SUM(revenue) AS spend_all,
        SUM(units) AS units_all,
        COUNT(*) FILTER (WHERE ordered_at >= days_ago(7)) AS orders_7,
        COUNT(*) FILTER (WHERE ordered_at >= days_ago(14)) AS orders_14,
        COUNT(*) FILTER (WHERE ordered_at >= days_ago(30)) AS orders_30,
        COUNT(*) FILTER (WHERE ordered_at >= days_ago(60)) AS orders_60,
        COUNT(*) FILTER (WHERE ordered_at >= days_ago(90)) AS orders_90,
        COUNT(*) FILTER (WHERE ordered_at >= days_ago(180)) AS orders_180,
        COUNT(*) FILTER (WHERE ordered_at >= days_ago(365)) AS orders_365,
        SUM(revenue) FILTER (WHERE ordered_at >= days_ago(7)) AS spend_7,
        SUM(revenue) FILTER (WHERE ordered_at >= days_ago(14)) AS spend_14,
        SUM(revenue) FILTER (WHERE ordered_at >= days_ago(30)) AS spend_30,
        SUM(revenue) FILTER (WHERE ordered_at >= days_ago(60)) AS spend_60,
        SUM(revenue) FILTER (WHERE ordered_at >= days_ago(90)) AS spend_90,
        SUM(revenue) FILTER (WHERE ordered_at >= days_ago(180)) AS spend_180,
        SUM(revenue) FILTER (WHERE ordered_at >= days_ago(365)) AS spend_365,
        SUM(units) FILTER (WHERE ordered_at >= days_ago(7)) AS units_7,
        SUM(units) FILTER (WHERE ordered_at >= days_ago(14)) AS units_14,
        SUM(units) FILTER (WHERE ordered_at >= days_ago(30)) AS units_30,
        SUM(units) FILTER (WHERE ordered_at >= days_ago(60)) AS units_60,
        SUM(units) FILTER (WHERE ordered_at >= days_ago(90)) AS units_90,
        SUM(units) FILTER (WHERE ordered_at >= days_ago(180)) AS units_180,
        SUM(units) FILTER (WHERE ordered_at >= days_ago(365)) AS units_365
    FROM customer_orders
    GROUP BY customer_id
)

SELECT
    w.customer_id,
    w.orders_all,
    CAST(w.spend_all AS DOUBLE) AS spend_all,
    CAST(w.units_all AS DOUBLE) AS units_all,
    if_known(w.orders_7, h.started_on, 7) AS orders_7,
    if_known(w.orders_14, h.started_on, 14) AS orders_14,
    if_known(w.orders_30, h.started_on, 30) AS orders_30,
    if_known(w.orders_60, h.started_on, 60) AS orders_60,
    if_known(w.orders_90, h.started_on, 90) AS orders_90,
    if_known(w.orders_180, h.started_on, 180) AS orders_180,
    if_known(w.orders_365, h.started_on, 365) AS orders_365,
    CAST(if_known(w.spend_7, h.started_on, 7) AS DOUBLE) AS spend_7,
    CAST(if_known(w.spend_14, h.started_on, 14) AS DOUBLE) AS spend_14,
    CAST(if_known(w.spend_30, h.started_on, 30) AS DOUBLE) AS spend_30,
    CAST(if_known(w.spend_60, h.started_on, 60) AS DOUBLE) AS spend_60,
    CAST(if_known(w.spend_90, h.started_on, 90) AS DOUBLE) AS spend_90,
    CAST(if_known(w.spend_180, h.started_on, 180) AS DOUBLE) AS spend_180,
    CAST(if_known(w.spend_365, h.started_on, 365) AS DOUBLE) AS spend_365,
    CAST(if_known(w.units_7, h.started_on, 7) AS DOUBLE) AS units_7,
    CAST(if_known(w.units_14, h.started_on, 14) AS DOUBLE) AS units_14,
    CAST(if_known(w.units_30, h.started_on, 30) AS DOUBLE) AS units_30,
    CAST(if_known(w.units_60, h.started_on, 60) AS DOUBLE) AS units_60,
    CAST(if_known(w.units_90, h.started_on, 90) AS DOUBLE) AS units_90,
    CAST(if_known(w.units_180, h.started_on, 180) AS DOUBLE) AS units_180,
    CAST(if_known(w.units_365, h.started_on, 365) AS DOUBLE) AS units_365
FROM windowed AS w
CROSS JOIN history AS h
