-- Typical (median) first-year margin of a category's buyers, by price tier. Fewer than 20 buyers
-- say little, and a year that is not over would make it small: the first of these counts that
-- has 20: full years in the tier, full years of all buyers, years so far in the tier.
WITH tiers AS (
    SELECT DISTINCT price_tier
    FROM price_tiers
),

by_tier AS (
    SELECT
        f.category,
        t.price_tier,
        COUNT(*) AS buyers,
        COUNT(*) FILTER (WHERE f.is_complete) AS full_years,
        PERCENTILE_DISC(0.5) WITHIN GROUP (ORDER BY f.margin) AS margin,
        PERCENTILE_DISC(0.5) WITHIN GROUP (ORDER BY f.margin) FILTER (WHERE f.is_complete) AS full_margin
    FROM category_first_years AS f
    INNER JOIN price_tiers AS t
        ON f.customer_id = t.customer_id
    GROUP BY f.category, t.price_tier
),

overall AS (
    SELECT
        category,
        COUNT(*) FILTER (WHERE is_complete) AS full_years,
        PERCENTILE_DISC(0.5) WITHIN GROUP (ORDER BY margin) AS margin,
        PERCENTILE_DISC(0.5) WITHIN GROUP (ORDER BY margin) FILTER (WHERE is_complete) AS full_margin
    FROM category_first_years
    GROUP BY category
)

SELECT
    c.category,
    t.price_tier,
    COALESCE(b.buyers, 0) AS buyers,
    COALESCE(b.full_years, 0) AS full_years,
    o.full_years >= 20 AS is_full_year,
    CASE
        WHEN b.full_years >= 20 THEN b.full_margin
        WHEN o.full_years >= 20 THEN o.full_margin
        WHEN b.buyers >= 20 THEN b.margin
        ELSE o.margin
    END AS first_year_margin
FROM cross_sell_categories AS c
CROSS JOIN tiers AS t
LEFT JOIN by_tier AS b
    ON c.category = b.category AND t.price_tier = b.price_tier
LEFT JOIN overall AS o
    ON c.category = o.category
