-- How many different things the customer buys.
WITH counted AS (
    SELECT
        customer_id,
        COUNT(DISTINCT product_id) AS products_all,
        COUNT(DISTINCT category) AS categories_all,
        COUNT(DISTINCT product_id) FILTER (WHERE ordered_at >= days_ago(90)) AS products_90,
        COUNT(DISTINCT category) FILTER (WHERE ordered_at >= days_ago(90)) AS categories_90,
        COUNT(DISTINCT product_id) FILTER (WHERE ordered_at >= days_ago(180)) AS products_180,
        COUNT(DISTINCT category) FILTER (WHERE ordered_at >= days_ago(180)) AS categories_180,
        COUNT(*) AS lines_all
    FROM order_lines
    GROUP BY customer_id
)

SELECT
    c.customer_id,
    c.products_all,
    c.categories_all,
    if_known(c.products_90, h.started_on, 90) AS products_90,
    if_known(c.categories_90, h.started_on, 90) AS categories_90,
    if_known(c.products_180, h.started_on, 180) AS products_180,
    if_known(c.categories_180, h.started_on, 180) AS categories_180,
    1 - safe_div(c.products_all, c.lines_all) AS repeat_share
FROM counted AS c
CROSS JOIN history AS h
