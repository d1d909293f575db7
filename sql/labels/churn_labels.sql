-- Did the active customer stay away? A line that is added after the cutoff to an order
-- from before it is no new order.
WITH new_orders AS (
    SELECT DISTINCT f.customer_id
    FROM future_orders AS f
    LEFT JOIN customer_orders AS o
        ON f.order_id = o.order_id
    WHERE o.order_id IS NULL
)

SELECT
    p.customer_id,
    CASE WHEN n.customer_id IS NULL THEN 1 ELSE 0 END AS churned
FROM population AS p
LEFT JOIN new_orders AS n
    ON p.customer_id = n.customer_id
