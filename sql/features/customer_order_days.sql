-- On how many days the customer orders. Orders on one day are one visit, so this is how often
-- the customer comes, however an order is split.
WITH windowed AS (
    SELECT
        customer_id,
        COUNT(*) FILTER (WHERE age <= 7) AS order_days_7,
        COUNT(*) FILTER (WHERE age <= 14) AS order_days_14,
        COUNT(*) FILTER (WHERE age <= 30) AS order_days_30,
        COUNT(*) FILTER (WHERE age <= 60) AS order_days_60,
        COUNT(*) FILTER (WHERE age <= 90) AS order_days_90,
        COUNT(*) FILTER (WHERE age <= 180) AS order_days_180,
        COUNT(*) FILTER (WHERE age <= 365) AS order_days_365
    FROM order_gaps
    GROUP BY customer_id
)

SELECT
    w.customer_id,
    if_known(w.order_days_7, h.started_on, 7) AS order_days_7,
    if_known(w.order_days_14, h.started_on, 14) AS order_days_14,
    if_known(w.order_days_30, h.started_on, 30) AS order_days_30,
    if_known(w.order_days_60, h.started_on, 60) AS order_days_60,
    if_known(w.order_days_90, h.started_on, 90) AS order_days_90,
    if_known(w.order_days_180, h.started_on, 180) AS order_days_180,
    if_known(w.order_days_365, h.started_on, 365) AS order_days_365
FROM windowed AS w
CROSS JOIN history AS h
