-- Online Retail has no categories. Its reference experiment takes the last word of a product's
-- most frequent description, counted over the whole file, cancellations included.
WITH named AS (
    SELECT product_id, TRIM(description) AS description
    FROM orders
    UNION ALL
    SELECT product_id, TRIM(description) AS description
    FROM interactions
),

counted AS (
    SELECT
        product_id,
        description,
        COUNT(*) AS lines
    FROM named
    WHERE description <> ''
    GROUP BY product_id, description
),

ranked AS (
    SELECT
        product_id,
        description,
        ROW_NUMBER() OVER (PARTITION BY product_id ORDER BY lines DESC, description) AS place
    FROM counted
)

SELECT
    product_id,
    COALESCE(
        NULLIF(regexp_extract(UPPER(description), '([A-Z]+)[^A-Z]*$', 1), ''),
        'OTHER'
    ) AS category
FROM ranked
WHERE place = 1
