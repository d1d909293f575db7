-- How unequal customers are: the Lorenz curve of margin and of revenue in steps of a percent.
WITH measured AS (
    SELECT
        'margin' AS measure,
        customer_id,
        margin_365 AS amount
    FROM customer_classes
    UNION ALL
    SELECT
        'revenue' AS measure,
        customer_id,
        revenue_365 AS amount
    FROM customer_classes
),

ranked AS (
    SELECT
        measure,
        ROW_NUMBER() OVER best_first AS place,
        SUM(amount) OVER (best_first ROWS UNBOUNDED PRECEDING) AS cumulated
    FROM measured
    WINDOW best_first AS (PARTITION BY measure ORDER BY amount DESC, customer_id)
),

totals AS (
    SELECT
        measure,
        COUNT(*) AS customers,
        SUM(amount) AS total
    FROM measured
    GROUP BY measure
),

-- The border customer belongs to the better part, as in value_tiers.
steps AS (
    SELECT
        t.measure,
        t.customers,
        t.total,
        CAST(p.percent AS INTEGER) AS percent,
        CAST(CEIL(p.percent * t.customers / 100.0) AS BIGINT) AS best,
        CAST(t.customers - CEIL((100 - p.percent) * t.customers / 100.0) AS BIGINT) AS others
    FROM totals AS t
    CROSS JOIN generate_series(0, 100) AS p(percent)
)

SELECT
    as_of() AS as_of,
    s.measure,
    s.percent,
    s.best AS customers,
    CASE WHEN s.total > 0 THEN safe_div(COALESCE(b.cumulated, 0), s.total) END AS best_share,
    CASE WHEN s.total > 0 THEN safe_div(s.total - COALESCE(o.cumulated, 0), s.total) END AS lorenz_share
FROM steps AS s
LEFT JOIN ranked AS b
    ON s.measure = b.measure AND s.best = b.place
LEFT JOIN ranked AS o
    ON s.measure = o.measure AND s.customers - s.others = o.place
