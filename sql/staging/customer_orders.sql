-- Orders, put together from their lines. An order happened when its first line did.
SELECT
    order_id,
    MIN(customer_id) AS customer_id,
    MIN(ordered_at) AS ordered_at,
    CAST(MIN(ordered_at) AS DATE) AS ordered_on,
    SUM(gross) AS gross,
    SUM(discount) AS discount,
    SUM(revenue) AS revenue,
    SUM(margin) AS margin,
    SUM(quantity) AS units,
    COUNT(*) AS lines,
    COUNT(DISTINCT product_id) AS products
FROM order_lines
GROUP BY order_id
