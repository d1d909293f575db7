-- The category under which a product was ordered most often; ties go to the smallest name.
-- Where no order names one, that of the product's master data.
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

UNION ALL

SELECT
    m.product_id,
    m.category
FROM product_master AS m
LEFT JOIN ranked AS r
    ON m.product_id = r.product_id AND r.place = 1
WHERE m.category IS NOT NULL AND r.product_id IS NULL
