-- An example of a feature: when does the customer order? Change it or delete it.
-- A result with customer_id becomes columns of customer_features, and what is a number
-- there is an input of the models. No future to fear: the tables end at the cutoff.
SELECT
    customer_id,
    safe_div(COUNT(*) FILTER (WHERE EXTRACT(HOUR FROM ordered_at) >= 18), COUNT(*)) AS evening_order_share
FROM customer_orders
WHERE ordered_at >= days_ago(lookback_days())
GROUP BY customer_id
