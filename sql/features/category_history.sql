-- What the customer had to do with the category before the lookback window.
WITH bought AS (
    SELECT
        customer_id,
        category,
        COUNT(DISTINCT order_id) AS category_orders,
        MIN(age_days(ordered_at)) AS days_since_category
    FROM order_lines
    GROUP BY customer_id, category
),

returned AS (
    SELECT
        customer_id,
        category,
        COUNT(*) AS category_returns
    FROM returns
    GROUP BY customer_id, category
)

SELECT
    p.customer_id,
    p.category,
    CASE WHEN b.category_orders > 0 THEN 1 ELSE 0 END AS bought_before,
    COALESCE(b.category_orders, 0) AS category_orders,
    b.days_since_category,
    COALESCE(r.category_returns, 0) AS category_returns
FROM cross_sell_pairs AS p
LEFT JOIN bought AS b
    ON p.customer_id = b.customer_id AND p.category = b.category
LEFT JOIN returned AS r
    ON p.customer_id = r.customer_id AND p.category = r.category
