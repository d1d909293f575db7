-- When in the week, the day and the year the customer orders.
WITH timed AS (
    SELECT
        customer_id,
        iso_weekday(ordered_at) AS weekday,
        EXTRACT(HOUR FROM ordered_at) AS hour_of_day,
        EXTRACT(MONTH FROM ordered_at) AS month_of_year
    FROM customer_orders
),

per_weekday AS (
    SELECT
        customer_id,
        weekday,
        COUNT(*) AS orders
    FROM timed
    GROUP BY customer_id, weekday
),

weekdays AS (
    SELECT
        customer_id,
        COUNT(*) AS weekdays,
        MAX(orders) AS orders
    FROM per_weekday
    GROUP BY customer_id
),

summed AS (
    SELECT
        customer_id,
        COUNT(*) AS orders,
        COUNT(*) FILTER (WHERE weekday >= 6) AS weekend,
        COUNT(*) FILTER (WHERE hour_of_day < 12) AS mornings,
        COUNT(*) FILTER (WHERE hour_of_day >= 18) AS evenings,
        COUNT(DISTINCT month_of_year) AS months
    FROM timed
    GROUP BY customer_id
)

SELECT
    s.customer_id,
    safe_div(s.weekend, s.orders) AS weekend_orders_share,
    safe_div(s.mornings, s.orders) AS morning_orders_share,
    safe_div(s.evenings, s.orders) AS evening_orders_share,
    safe_div(w.orders, s.orders) AS favourite_weekday_share,
    w.weekdays AS order_weekdays,
    s.months AS order_months
FROM summed AS s
INNER JOIN weekdays AS w
    ON s.customer_id = w.customer_id
