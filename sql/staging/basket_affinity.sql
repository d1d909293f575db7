-- How often two categories are in the same order, over the orders of the lookback window.
-- Smoothed like category_affinity: lift = (both + 1) * N / (first * second + N), N = orders.
WITH baskets AS (
    SELECT DISTINCT
        l.order_id,
        l.category
    FROM order_lines AS l
    INNER JOIN cross_sell_categories AS c
        ON l.category = c.category
    WHERE l.ordered_at >= days_ago(lookback_days())
),

counted AS (
    SELECT
        category,
        COUNT(*) AS orders
    FROM baskets
    GROUP BY category
),

total AS (
    SELECT COUNT(DISTINCT order_id) AS orders
    FROM baskets
),

together AS (
    SELECT
        a.category AS owned,
        b.category AS offered,
        COUNT(*) AS orders
    FROM baskets AS a
    INNER JOIN baskets AS b
        ON a.order_id = b.order_id AND a.category <> b.category
    GROUP BY a.category, b.category
)

SELECT
    a.category AS owned,
    b.category AS offered,
    COALESCE(t.orders, 0) AS orders,
    CAST(
        safe_div((COALESCE(t.orders, 0) + 1) * n.orders, a.orders * b.orders + n.orders)
        AS DECIMAL(18, 6)
    ) AS lift
FROM counted AS a
INNER JOIN counted AS b
    ON a.category <> b.category
CROSS JOIN total AS n
LEFT JOIN together AS t
    ON a.category = t.owned AND b.category = t.offered
