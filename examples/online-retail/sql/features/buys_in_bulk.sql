-- How wholesale the customer's orders are: the share of order lines with at least 24 units.
SELECT
    customer_id,
    safe_div(COUNT(*) FILTER (WHERE quantity >= 24), COUNT(*)) AS bulk_line_share
FROM order_lines
GROUP BY customer_id
