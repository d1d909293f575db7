-- Typical (median) first-year margin of a category's buyers, by price tier. Fewer than
-- 20 buyers in a tier say little: the median of all the category's buyers stands in.
WITH tiers AS (
    SELECT DISTINCT price_tier
    FROM price_tiers
),

by_tier AS (
    SELECT
        f.category,
        t.price_tier,
        COUNT(*) AS buyers,
        PERCENTILE_DISC(0.5) WITHIN GROUP (ORDER BY f.margin) AS margin
    FROM category_first_years AS f
    INNER JOIN price_tiers AS t
        ON f.customer_id = t.customer_id
    GROUP BY f.category, t.price_tier
),

overall AS (
    SELECT
        category,
        PERCENTILE_DISC(0.5) WITHIN GROUP (ORDER BY margin) AS margin
    FROM category_first_years
    GROUP BY category
)

SELECT
    c.category,
    t.price_tier,
    COALESCE(b.buyers, 0) AS buyers,
    CASE WHEN b.buyers >= 20 THEN b.margin ELSE o.margin END AS first_year_margin
FROM cross_sell_categories AS c
CROSS JOIN tiers AS t
LEFT JOIN by_tier AS b
    ON c.category = b.category AND t.price_tier = b.price_tier
LEFT JOIN overall AS o
    ON c.category = o.category
