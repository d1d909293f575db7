-- How many different things the customer buys. What was last bought in a window was bought in it.
WITH products AS (
    SELECT
        customer_id,
        COUNT(*) AS products_all,
        COUNT(*) FILTER (WHERE last_on >= days_ago(90)) AS products_90,
        COUNT(*) FILTER (WHERE last_on >= days_ago(180)) AS products_180,
        COUNT(*) FILTER (WHERE last_on >= days_ago(365)) AS products_365,
        SUM(lines) AS lines_all
    FROM customer_products
    GROUP BY customer_id
),

categories AS (
    SELECT
        customer_id,
        COUNT(*) AS categories_all,
        COUNT(*) FILTER (WHERE last_on >= days_ago(90)) AS categories_90,
        COUNT(*) FILTER (WHERE last_on >= days_ago(180)) AS categories_180,
        COUNT(*) FILTER (WHERE last_on >= days_ago(365)) AS categories_365
    FROM customer_categories
    GROUP BY customer_id
)

SELECT
    p.customer_id,
    p.products_all,
    c.categories_all,
    if_known(p.products_90, h.started_on, 90) AS products_90,
    if_known(c.categories_90, h.started_on, 90) AS categories_90,
    if_known(p.products_180, h.started_on, 180) AS products_180,
    if_known(c.categories_180, h.started_on, 180) AS categories_180,
    if_known(p.products_365, h.started_on, 365) AS products_365,
    if_known(c.categories_365, h.started_on, 365) AS categories_365,
    1 - safe_div(p.products_all, p.lines_all) AS repeat_share
FROM products AS p
INNER JOIN categories AS c
    ON p.customer_id = c.customer_id
CROSS JOIN history AS h
