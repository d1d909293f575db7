-- Who showed loyalty: at least two orders in the horizon, beside what was known before. A
-- line that is added after the cutoff to an order from before it is no new order.
WITH new_orders AS (
    SELECT
        f.order_id,
        MIN(f.customer_id) AS customer_id
    FROM future_orders AS f
    LEFT JOIN customer_orders AS o
        ON f.order_id = o.order_id
    WHERE o.order_id IS NULL
    GROUP BY f.order_id
),

counted AS (
    SELECT
        customer_id,
        COUNT(*) AS orders
    FROM new_orders
    GROUP BY customer_id
)

SELECT
    i.customer_id,
    i.orders_per_year,
    i.products_per_year,
    i.units_per_year,
    i.revenue_per_year,
    CASE WHEN c.orders >= 2 THEN 1 ELSE 0 END AS ordered_again
FROM loyalty_inputs AS i
LEFT JOIN counted AS c
    ON i.customer_id = c.customer_id
