-- One horizon back: what had the customers who were active then bought in the lookback window
-- that ended then, and what have they bought since?
WITH active_then AS (
    SELECT DISTINCT customer_id
    FROM customer_orders
    WHERE ordered_at >= days_ago(horizon_days() + lookback_days())
        AND ordered_at < days_ago(horizon_days())
)

SELECT
    l.customer_id,
    l.category,
    BOOL_OR(l.ordered_at < days_ago(horizon_days())) AS owned_then,
    BOOL_OR(l.ordered_at >= days_ago(horizon_days())) AS bought_since
FROM order_lines AS l
INNER JOIN active_then AS a
    ON l.customer_id = a.customer_id
WHERE l.ordered_at >= days_ago(horizon_days() + lookback_days())
GROUP BY l.customer_id, l.category
