-- Is the customer buying more or less than before? Shares of the recent part of a window:
-- a steady customer has 1/3 of 90 days in the last 30, and 1/2 of 180 days in the last 90.
WITH windowed AS (
    SELECT
        customer_id,
        COUNT(*) FILTER (WHERE ordered_at >= days_ago(30)) AS orders_30,
        COUNT(*) FILTER (WHERE ordered_at >= days_ago(90)) AS orders_90,
        COUNT(*) FILTER (WHERE ordered_at >= days_ago(180)) AS orders_180,
        SUM(revenue) FILTER (WHERE ordered_at >= days_ago(30)) AS spend_30,
        SUM(revenue) FILTER (WHERE ordered_at >= days_ago(90)) AS spend_90,
        SUM(revenue) FILTER (WHERE ordered_at >= days_ago(180)) AS spend_180
    FROM customer_orders
    GROUP BY customer_id
)

SELECT
    w.customer_id,
    safe_div(w.orders_30, if_known(w.orders_90, h.started_on, 90)) AS orders_30_of_90,
    safe_div(COALESCE(w.spend_30, 0), if_known(w.spend_90, h.started_on, 90)) AS spend_30_of_90,
    safe_div(w.orders_90, if_known(w.orders_180, h.started_on, 180)) AS orders_90_of_180,
    safe_div(COALESCE(w.spend_90, 0), if_known(w.spend_180, h.started_on, 180)) AS spend_90_of_180
FROM windowed AS w
CROSS JOIN history AS h
