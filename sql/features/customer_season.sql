-- What the customer did a year ago: in the season that comes (the horizon, 365 days back), and in
-- the last 90 days' like. Season cosine and sine are means over the orders of a year, as angles
-- from the as-of day: cosine 1 is this time of the year, sine 1 is three months from now.
WITH aged AS (
    SELECT
        *,
        age_days(ordered_at) AS age
    FROM customer_orders
),

windowed AS (
    SELECT
        customer_id,
        COUNT(*) FILTER (WHERE age <= 365) AS orders_365,
        SUM(revenue) FILTER (WHERE age <= 90) AS spend_90,
        COUNT(*) FILTER (WHERE age <= 365 AND age > 365 - horizon_days()) AS orders_season,
        SUM(revenue) FILTER (WHERE age <= 365 AND age > 365 - horizon_days()) AS spend_season,
        COUNT(*) FILTER (WHERE age > 365 AND age <= 455) AS orders_year_ago,
        SUM(revenue) FILTER (WHERE age > 365 AND age <= 455) AS spend_year_ago,
        SUM(CAST(ROUND(1000000 * COS(2 * PI() * age / 365)) AS BIGINT)) FILTER (WHERE age <= 365) AS cosines,
        SUM(CAST(ROUND(-1000000 * SIN(2 * PI() * age / 365)) AS BIGINT)) FILTER (WHERE age <= 365) AS sines
    FROM aged
    GROUP BY customer_id
)

SELECT
    w.customer_id,
    if_known(w.orders_season, h.started_on, 365) AS orders_season,
    CAST(if_known(w.spend_season, h.started_on, 365) AS DOUBLE) AS spend_season,
    safe_div(w.orders_season, if_known(w.orders_365, h.started_on, 365)) AS season_share,
    if_known(w.orders_year_ago, h.started_on, 455) AS orders_90_year_ago,
    CAST(if_known(w.spend_year_ago, h.started_on, 455) AS DOUBLE) AS spend_90_year_ago,
    safe_div(COALESCE(w.spend_90, 0), if_known(w.spend_year_ago, h.started_on, 455)) AS spend_90_to_year_ago,
    safe_div(w.cosines, 1000000 * if_known(w.orders_365, h.started_on, 365)) AS season_cosine,
    safe_div(w.sines, 1000000 * if_known(w.orders_365, h.started_on, 365)) AS season_sine
FROM windowed AS w
CROSS JOIN history AS h
