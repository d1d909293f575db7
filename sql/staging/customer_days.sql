-- What each customer ordered and sent back, day by day. A return counts against the day on
-- which it came back, whenever its order was. As in customer_sales, it counts only for
-- customers with a known order.
WITH bought AS (
    SELECT
        customer_id,
        ordered_on AS day,
        COUNT(*) AS orders,
        SUM(revenue) AS revenue,
        SUM(margin) AS margin
    FROM customer_orders
    GROUP BY customer_id, ordered_on
),

numbered AS (
    SELECT
        customer_id,
        day,
        orders,
        revenue,
        margin,
        ROW_NUMBER() OVER (PARTITION BY customer_id ORDER BY day) AS order_day,
        age_days(LAG(day) OVER (PARTITION BY customer_id ORDER BY day)) - age_days(day) AS gap
    FROM bought
),

sent_back AS (
    SELECT
        customer_id,
        CAST(returned_at AS DATE) AS day,
        SUM(COALESCE(amount, 0)) AS revenue,
        SUM(COALESCE(margin, 0)) AS margin
    FROM returns
    WHERE customer_id IN (SELECT customer_id FROM bought)
    GROUP BY customer_id, CAST(returned_at AS DATE)
)

SELECT
    customer_id,
    day,
    COALESCE(b.orders, 0) AS orders,
    b.order_day,
    b.gap,
    COALESCE(b.revenue, 0) AS ordered_revenue,
    CAST(COALESCE(b.revenue, 0) - COALESCE(s.revenue, 0) AS DECIMAL(38, 4)) AS revenue,
    CAST(COALESCE(b.margin, 0) - COALESCE(s.margin, 0) AS DECIMAL(38, 4)) AS margin
FROM numbered AS b
FULL JOIN sent_back AS s
    USING (customer_id, day)
