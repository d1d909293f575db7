-- What was sold in each period, and how unequally customers brought its margin. Each day with
-- orders is met once per kind of period.
WITH earned AS (
    SELECT
        d.period,
        d.starts_on,
        c.customer_id,
        SUM(c.orders) AS orders,
        MAX(c.order_day) AS order_day,
        SUM(c.ordered_revenue) AS ordered_revenue,
        SUM(c.revenue) AS revenue,
        CAST(SUM(c.margin) AS DECIMAL(38, 2)) AS margin
    FROM customer_days AS c
    INNER JOIN period_days AS d
        ON c.day = d.day
    GROUP BY d.period, d.starts_on, c.customer_id
),

ranked AS (
    SELECT
        *,
        ROW_NUMBER() OVER (PARTITION BY period, starts_on ORDER BY margin DESC, customer_id) AS place,
        COUNT(*) OVER (PARTITION BY period, starts_on) AS customers
    FROM earned
)

SELECT
    period,
    starts_on,
    COUNT(*) AS customers,
    COUNT(order_day) AS ordering_customers,
    COUNT(*) FILTER (WHERE order_day > 1) AS repeat_customers,
    SUM(orders) AS orders,
    SUM(ordered_revenue) AS ordered_revenue,
    SUM(revenue) AS revenue,
    SUM(margin) AS margin,
    SUM(margin) FILTER (WHERE place - 1 < top_share() * customers) AS top_margin,
    SUM(CAST((customers + 1 - 2 * place) * margin AS DECIMAL(38, 2))) AS spread
FROM ranked
GROUP BY period, starts_on
