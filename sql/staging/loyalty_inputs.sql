-- What the loyalty index is made of, per year. A customer who came lately is not scaled up:
-- it has not shown more yet. While orders are known for less than a year, all are.
WITH bought AS (
    SELECT
        customer_id,
        COUNT(DISTINCT product_id) AS products
    FROM order_lines
    WHERE ordered_at >= days_ago(365)
    GROUP BY customer_id
),

known AS (
    SELECT LEAST(age_days(started_on), 365) AS days
    FROM history
)

SELECT
    t.customer_id,
    safe_div(t.orders_365 * 365, k.days) AS orders_per_year,
    safe_div(COALESCE(b.products, 0) * 365, k.days) AS products_per_year,
    safe_div(GREATEST(t.units_365, 0) * 365, k.days) AS units_per_year,
    safe_div(GREATEST(t.revenue_365, 0) * 365, k.days) AS revenue_per_year
FROM customer_totals AS t
CROSS JOIN known AS k
LEFT JOIN bought AS b
    ON t.customer_id = b.customer_id
