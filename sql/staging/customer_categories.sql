-- What each customer ever bought of each category. An order is counted at its first line of the
-- category. The season is the coming horizon, a year ago.
WITH category_orders AS (
    SELECT
        customer_id,
        category,
        order_id,
        MIN(ordered_at) AS ordered_at,
        COUNT(*) AS lines,
        SUM(quantity) AS units,
        SUM(revenue) AS revenue
    FROM order_lines
    GROUP BY customer_id, category, order_id
)

SELECT
    customer_id,
    category,
    MIN(CAST(ordered_at AS DATE)) AS first_on,
    MAX(CAST(ordered_at AS DATE)) AS last_on,
    COUNT(*) AS orders,
    COUNT(DISTINCT CAST(ordered_at AS DATE)) AS order_days,
    CAST(SUM(lines) AS BIGINT) AS lines,
    SUM(units) AS units,
    SUM(revenue) AS revenue,
    COUNT(*) FILTER (WHERE ordered_at >= days_ago(365)) AS orders_365,
    COUNT(*) FILTER (
        WHERE ordered_at >= days_ago(365) AND ordered_at < days_ago(365 - horizon_days())
    ) AS orders_season
FROM category_orders
GROUP BY customer_id, category
