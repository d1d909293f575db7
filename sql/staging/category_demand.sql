-- How many customers bought each offered category in several windows, beside how many
-- customers bought anything then.
WITH bought AS (
    SELECT
        customer_id,
        category,
        age_days(ordered_at) AS age
    FROM order_lines
),

windowed AS (
    SELECT
        customer_id,
        category,
        BOOL_OR(age <= 30) AS last_30,
        BOOL_OR(age <= 90) AS last_90,
        BOOL_OR(age > 30 AND age <= 60) AS prior_30,
        BOOL_OR(age > 90 AND age <= 180) AS prior_90,
        BOOL_OR(age <= 365 AND age > 365 - horizon_days()) AS last_year,
        BOOL_OR(age > 365 AND age <= 455) AS year_ago_90,
        BOOL_OR(age <= lookback_days()) AS lookback
    FROM bought
    GROUP BY customer_id, category
),

everyone AS (
    SELECT
        COUNT(DISTINCT customer_id) FILTER (WHERE last_30) AS customers_30,
        COUNT(DISTINCT customer_id) FILTER (WHERE last_90) AS customers_90,
        COUNT(DISTINCT customer_id) FILTER (WHERE prior_30) AS customers_prior_30,
        COUNT(DISTINCT customer_id) FILTER (WHERE prior_90) AS customers_prior_90,
        COUNT(DISTINCT customer_id) FILTER (WHERE last_year) AS customers_last_year,
        COUNT(DISTINCT customer_id) FILTER (WHERE year_ago_90) AS customers_year_ago_90,
        COUNT(DISTINCT customer_id) FILTER (WHERE lookback) AS customers
    FROM windowed
),

buyers AS (
    SELECT
        category,
        COUNT(*) FILTER (WHERE last_30) AS buyers_30,
        COUNT(*) FILTER (WHERE last_90) AS buyers_90,
        COUNT(*) FILTER (WHERE prior_30) AS buyers_prior_30,
        COUNT(*) FILTER (WHERE prior_90) AS buyers_prior_90,
        COUNT(*) FILTER (WHERE last_year) AS buyers_last_year,
        COUNT(*) FILTER (WHERE year_ago_90) AS buyers_year_ago_90,
        COUNT(*) FILTER (WHERE lookback) AS owners
    FROM windowed
    GROUP BY category
)

SELECT
    c.category,
    COALESCE(b.buyers_30, 0) AS buyers_30,
    COALESCE(b.buyers_90, 0) AS buyers_90,
    COALESCE(b.buyers_prior_30, 0) AS buyers_prior_30,
    COALESCE(b.buyers_prior_90, 0) AS buyers_prior_90,
    COALESCE(b.buyers_last_year, 0) AS buyers_last_year,
    COALESCE(b.buyers_year_ago_90, 0) AS buyers_year_ago_90,
    COALESCE(b.owners, 0) AS owners,
    e.customers_30,
    e.customers_90,
    e.customers_prior_30,
    e.customers_prior_90,
    e.customers_last_year,
    e.customers_year_ago_90,
    e.customers
FROM cross_sell_categories AS c
CROSS JOIN everyone AS e
LEFT JOIN buyers AS b
    ON c.category = b.category
