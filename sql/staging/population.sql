-- The customers that a night scores: those who ordered in the lookback window.
SELECT DISTINCT customer_id
FROM customer_orders
WHERE ordered_at >= days_ago(lookback_days())
