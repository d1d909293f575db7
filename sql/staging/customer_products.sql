-- What each customer ever bought of each product. Who bought in a window that ends at the cutoff
-- is told by the last day, without counting anything twice.
SELECT
    customer_id,
    product_id,
    MIN(CAST(ordered_at AS DATE)) AS first_on,
    MAX(CAST(ordered_at AS DATE)) AS last_on,
    COUNT(*) AS lines,
    MIN(order_id) <> MAX(order_id) AS in_several_orders
FROM order_lines
GROUP BY customer_id, product_id
