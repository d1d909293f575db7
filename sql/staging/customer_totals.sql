-- What each customer bought and earned us, ever and in the last 365 days. What came back is
-- taken off when it came back; a return of unknown value takes off nothing.
WITH sold AS (
    SELECT
        customer_id,
        MIN(ordered_on) AS first_order_on,
        MAX(ordered_on) AS last_order_on,
        COUNT(*) AS orders_all,
        SUM(revenue) AS revenue_all,
        SUM(margin) AS margin_all,
        COUNT(*) FILTER (WHERE ordered_at >= days_ago(365)) AS orders_365,
        SUM(units) FILTER (WHERE ordered_at >= days_ago(365)) AS units_365,
        SUM(discount) FILTER (WHERE ordered_at >= days_ago(365)) AS discount_365,
        SUM(revenue) FILTER (WHERE ordered_at >= days_ago(365)) AS revenue_365,
        SUM(margin) FILTER (WHERE ordered_at >= days_ago(365)) AS margin_365
    FROM customer_orders
    GROUP BY customer_id
),

returned AS (
    SELECT
        customer_id,
        SUM(amount) AS revenue_all,
        SUM(margin) AS margin_all,
        COUNT(*) FILTER (WHERE returned_at >= days_ago(365)) AS returns_365,
        SUM(units) FILTER (WHERE returned_at >= days_ago(365)) AS units_365,
        SUM(amount) FILTER (WHERE returned_at >= days_ago(365)) AS revenue_365,
        SUM(margin) FILTER (WHERE returned_at >= days_ago(365)) AS margin_365
    FROM returns
    GROUP BY customer_id
)

SELECT
    s.customer_id,
    s.first_order_on,
    s.last_order_on,
    s.orders_all,
    s.orders_365,
    s.orders_365 > 0 OR COALESCE(r.returns_365, 0) > 0 AS in_year,
    COALESCE(s.units_365, 0) - COALESCE(r.units_365, 0) AS units_365,
    CAST(COALESCE(s.discount_365, 0) AS DECIMAL(38, 4)) AS discount_365,
    CAST(s.revenue_all - COALESCE(r.revenue_all, 0) AS DECIMAL(38, 4)) AS revenue_all,
    CAST(COALESCE(s.revenue_365, 0) - COALESCE(r.revenue_365, 0) AS DECIMAL(38, 4)) AS revenue_365,
    CAST(s.margin_all - COALESCE(r.margin_all, 0) AS DECIMAL(38, 4)) AS margin_all,
    CAST(COALESCE(s.margin_365, 0) - COALESCE(r.margin_365, 0) AS DECIMAL(38, 4)) AS margin_365
FROM sold AS s
LEFT JOIN returned AS r
    ON s.customer_id = r.customer_id
