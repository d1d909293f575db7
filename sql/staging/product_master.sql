-- What is known of each product: the newest version before the cutoff.
SELECT
    product_id,
    name,
    category,
    list_price,
    unit_cost,
    recorded_at
FROM product_versions
WHERE replaced_at IS NULL
