-- Is the customer buying more or less than before? Shares of the recent part of a window: a
-- steady customer has 1/3 of 90 days in the last 30, and 1/2 of 180 days in the last 90.
-- The trend is the least-squares slope over six windows of 30 days, per mean window: with the
-- weights 5, 3, 1, -1, -3, -5 over 35 the sums are exact.
WITH aged AS (
    SELECT
        *,
        age_days(ordered_at) AS age
    FROM customer_orders
),

weighed AS (
    SELECT
        *,
        CASE WHEN age <= 180 THEN 5 - 2 * CAST(FLOOR((age - 1) / 30.0) AS INTEGER) END AS weight,
        CAST(ROUND(1000000 * POWER(0.5, age / 30.0)) AS BIGINT) AS half_30,
        CAST(ROUND(1000000 * POWER(0.5, age / 90.0)) AS BIGINT) AS half_90
    FROM aged
),

windowed AS (
    SELECT
        customer_id,
        COUNT(*) FILTER (WHERE age <= 7) AS orders_7,
        COUNT(*) FILTER (WHERE age <= 30) AS orders_30,
        COUNT(*) FILTER (WHERE age <= 90) AS orders_90,
        COUNT(*) FILTER (WHERE age <= 180) AS orders_180,
        COUNT(*) FILTER (WHERE age <= 365) AS orders_365,
        SUM(weight) AS orders_slope,
        SUM(half_30) AS half_30,
        SUM(half_90) AS half_90,
        SUM(revenue) FILTER (WHERE age <= 30) AS spend_30,
        SUM(revenue) FILTER (WHERE age <= 90) AS spend_90,
        SUM(revenue) FILTER (WHERE age <= 180) AS spend_180,
        SUM(revenue) FILTER (WHERE age <= 365) AS spend_365,
        SUM(revenue) FILTER (WHERE age > 90 AND age <= 360) AS spend_prior,
        SUM(weight * revenue) AS spend_slope
    FROM weighed
    GROUP BY customer_id
)

SELECT
    w.customer_id,
    safe_div(w.orders_7, if_known(w.orders_30, h.started_on, 30)) AS orders_7_of_30,
    safe_div(w.orders_30, if_known(w.orders_90, h.started_on, 90)) AS orders_30_of_90,
    safe_div(COALESCE(w.spend_30, 0), if_known(w.spend_90, h.started_on, 90)) AS spend_30_of_90,
    safe_div(w.orders_90, if_known(w.orders_180, h.started_on, 180)) AS orders_90_of_180,
    safe_div(COALESCE(w.spend_90, 0), if_known(w.spend_180, h.started_on, 180)) AS spend_90_of_180,
    safe_div(w.orders_180, if_known(w.orders_365, h.started_on, 365)) AS orders_180_of_365,
    safe_div(COALESCE(w.spend_180, 0), if_known(w.spend_365, h.started_on, 365)) AS spend_180_of_365,
    safe_div(3 * COALESCE(w.spend_90, 0), if_known(w.spend_prior, h.started_on, 365)) AS spend_90_to_prior,
    safe_div(6 * w.orders_slope, 35 * if_known(w.orders_180, h.started_on, 180)) AS orders_trend_180,
    safe_div(6 * w.spend_slope, 35 * if_known(w.spend_180, h.started_on, 180)) AS spend_trend_180,
    safe_div(w.half_30, 1000000) AS orders_half_30,
    safe_div(w.half_90, 1000000) AS orders_half_90
FROM windowed AS w
CROSS JOIN history AS h
