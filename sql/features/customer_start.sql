-- How the customer began: the first order, and how soon it was followed by another day's.
WITH placed AS (
    SELECT
        *,
        ROW_NUMBER() OVER (PARTITION BY customer_id ORDER BY ordered_at, order_id) AS place,
        MIN(ordered_on) OVER (PARTITION BY customer_id) AS first_on
    FROM customer_orders
),

summed AS (
    SELECT
        customer_id,
        MAX(age_days(first_on)) AS tenure_days,
        COUNT(*) AS orders,
        SUM(revenue) AS revenue,
        MAX(CASE WHEN place = 1 THEN revenue END) AS first_revenue,
        MAX(CASE WHEN place = 1 THEN products END) AS first_products,
        MAX(CASE WHEN place = 1 THEN CASE WHEN discount > 0 THEN 1 ELSE 0 END END) AS first_discounted,
        MAX(age_days(ordered_on)) FILTER (WHERE ordered_on > first_on) AS second_age,
        COUNT(*) FILTER (WHERE age_days(first_on) - age_days(ordered_on) < 90) AS orders_90,
        SUM(revenue) FILTER (WHERE age_days(first_on) - age_days(ordered_on) < 90) AS revenue_90
    FROM placed
    GROUP BY customer_id
)

SELECT
    customer_id,
    CAST(first_revenue AS DOUBLE) AS first_order_value,
    safe_div(first_revenue * orders, revenue) AS first_order_ratio,
    first_products AS first_order_products,
    first_discounted AS first_order_discounted,
    tenure_days - second_age AS days_to_second_order,
    CASE WHEN tenure_days >= 90 THEN orders_90 END AS first_90_orders,
    CASE WHEN tenure_days >= 90 THEN CAST(revenue_90 AS DOUBLE) END AS first_90_spend
FROM summed
