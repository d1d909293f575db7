-- Which of the offered categories an active customer bought in the lookback window.
SELECT DISTINCT
    l.customer_id,
    l.category
FROM order_lines AS l
INNER JOIN population AS p
    ON l.customer_id = p.customer_id
INNER JOIN cross_sell_categories AS c
    ON l.category = c.category
WHERE l.ordered_at >= days_ago(lookback_days())
