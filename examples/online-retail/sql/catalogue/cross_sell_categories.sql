-- The 30 words that most customers ordered, over the whole file, as the reference experiment
-- counts them. Ties go by name.
WITH counted AS (
    SELECT
        c.category,
        COUNT(DISTINCT o.customer_id) AS customers
    FROM orders AS o
    INNER JOIN product_categories AS c
        ON o.product_id = c.product_id
    WHERE c.category <> 'OTHER'
    GROUP BY c.category
),

ranked AS (
    SELECT
        category,
        ROW_NUMBER() OVER (ORDER BY customers DESC, category) AS place
    FROM counted
)

SELECT category
FROM ranked
WHERE place <= 30
