-- The days on which each customer ordered, and the time since the order day before.
WITH order_days AS (
    SELECT DISTINCT
        customer_id,
        ordered_on
    FROM customer_orders
)

SELECT
    customer_id,
    ordered_on,
    age_days(ordered_on) AS age,
    age_days(LAG(ordered_on) OVER (PARTITION BY customer_id ORDER BY ordered_on))
        - age_days(ordered_on) AS gap,
    ROW_NUMBER() OVER (PARTITION BY customer_id ORDER BY ordered_on DESC) AS place
FROM order_days
