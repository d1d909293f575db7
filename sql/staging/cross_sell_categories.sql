-- The categories worth offering: those that most customers ever ordered. Ties go by name.
WITH counted AS (
    SELECT
        category,
        COUNT(DISTINCT customer_id) AS customers
    FROM order_lines
    WHERE category <> 'OTHER'
    GROUP BY category
),

ranked AS (
    SELECT
        category,
        ROW_NUMBER() OVER (ORDER BY customers DESC, category) AS place
    FROM counted
)

SELECT category
FROM ranked
WHERE place <= cross_sell_category_limit()
