-- How often active customers who own one category own another. Lift and confidence are smoothed
-- so that rare categories do not shine: confidence = (both + 1) / (first + N / 50),
-- lift = (both + 1) * N / (first * second + N), N = active customers. Cosine = both over the
-- geometric mean of first and second.
WITH counted AS (
    SELECT
        category,
        COUNT(*) AS customers
    FROM owned_categories
    GROUP BY category
),

total AS (
    SELECT COUNT(*) AS customers
    FROM population
),

together AS (
    SELECT
        a.category AS owned,
        b.category AS offered,
        COUNT(*) AS customers
    FROM owned_categories AS a
    INNER JOIN owned_categories AS b
        ON a.customer_id = b.customer_id AND a.category <> b.category
    GROUP BY a.category, b.category
)

SELECT
    a.category AS owned,
    b.category AS offered,
    COALESCE(t.customers, 0) AS customers,
    CAST(
        safe_div(
            (COALESCE(t.customers, 0) + 1) * n.customers,
            a.customers * COALESCE(k.customers, 0) + n.customers
        ) AS DECIMAL(18, 6)
    ) AS lift,
    CAST(
        safe_div(50 * (COALESCE(t.customers, 0) + 1), 50 * a.customers + n.customers) AS DECIMAL(18, 6)
    ) AS confidence,
    CAST(
        COALESCE(safe_div(t.customers, SQRT(CAST(a.customers AS DOUBLE) * k.customers)), 0) AS DECIMAL(18, 6)
    ) AS cosine
FROM counted AS a
INNER JOIN cross_sell_categories AS b
    ON a.category <> b.category
CROSS JOIN total AS n
LEFT JOIN counted AS k
    ON b.category = k.category
LEFT JOIN together AS t
    ON a.category = t.owned AND b.category = t.offered
