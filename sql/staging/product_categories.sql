-- The category under which a product was ordered most often; ties go to the smallest name.
WITH counted AS (
    SELECT
        product_id,
        TRIM(category) AS category,
        COUNT(*) AS lines
    FROM orders
    WHERE TRIM(category) <> ''
    GROUP BY product_id, TRIM(category)
),

ranked AS (
    SELECT
        product_id,
        category,
        ROW_NUMBER() OVER (PARTITION BY product_id ORDER BY lines DESC, category) AS place
    FROM counted
)

SELECT
    product_id,
    category
FROM ranked
WHERE place = 1
