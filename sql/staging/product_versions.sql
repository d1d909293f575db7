-- Every version of each product before the cutoff, and until when it held. Empty where
-- no source gives products.
WITH ranked AS (
    SELECT
        product_id,
        recorded_at,
        NULLIF(TRIM(name), '') AS name,
        NULLIF(TRIM(category), '') AS category,
        list_price,
        unit_cost,
        ROW_NUMBER() OVER (
            PARTITION BY product_id, recorded_at ORDER BY name, category, list_price, unit_cost
        ) AS place
    FROM products
)

SELECT
    product_id,
    recorded_at,
    LEAD(recorded_at) OVER (PARTITION BY product_id ORDER BY recorded_at) AS replaced_at,
    name,
    category,
    list_price,
    unit_cost
FROM ranked
WHERE place = 1
