-- Did the customer buy the category that was not bought in the lookback window?
-- A product first seen after the cutoff counts under the category of its own line.
WITH bought AS (
    SELECT DISTINCT
        f.customer_id,
        COALESCE(c.category, f.category, 'OTHER') AS category
    FROM future_orders AS f
    LEFT JOIN product_categories AS c
        ON f.product_id = c.product_id
)

SELECT
    p.customer_id,
    p.category,
    CASE WHEN b.category IS NULL THEN 0 ELSE 1 END AS bought
FROM cross_sell_pairs AS p
LEFT JOIN bought AS b
    ON p.customer_id = b.customer_id AND p.category = b.category
