-- Does the customer still try new things? What was bought on the first order day is no discovery.
WITH started AS (
    SELECT
        customer_id,
        MIN(first_on) AS first_on,
        MAX(age_days(first_on)) AS tenure_days
    FROM customer_categories
    GROUP BY customer_id
),

categories AS (
    SELECT
        c.customer_id,
        MIN(age_days(c.first_on)) AS age,
        COUNT(*) AS entered,
        COUNT(*) FILTER (WHERE c.first_on >= days_ago(90)) AS entered_90,
        COUNT(*) FILTER (WHERE c.first_on >= days_ago(365)) AS entered_365
    FROM customer_categories AS c
    INNER JOIN started AS s
        ON c.customer_id = s.customer_id AND c.first_on > s.first_on
    GROUP BY c.customer_id
),

products AS (
    SELECT
        p.customer_id,
        MIN(age_days(p.first_on)) AS age,
        COUNT(*) FILTER (WHERE p.first_on >= days_ago(90)) AS tried_90
    FROM customer_products AS p
    INNER JOIN started AS s
        ON p.customer_id = s.customer_id AND p.first_on > s.first_on
    GROUP BY p.customer_id
)

SELECT
    s.customer_id,
    c.age AS days_since_new_category,
    if_known(c.entered_90, h.started_on, 90) AS new_categories_90,
    if_known(c.entered_365, h.started_on, 365) AS new_categories_365,
    safe_div(COALESCE(c.entered, 0) * 365, s.tenure_days) AS new_categories_a_year,
    p.age AS days_since_new_product,
    if_known(p.tried_90, h.started_on, 90) AS new_products_90
FROM started AS s
CROSS JOIN history AS h
LEFT JOIN categories AS c
    ON s.customer_id = c.customer_id
LEFT JOIN products AS p
    ON s.customer_id = p.customer_id
