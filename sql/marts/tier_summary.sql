-- What the four tiers really bring, beside what the textbook expects.
WITH counted AS (
    SELECT
        four_tier,
        COUNT(margin_rank) AS customers,
        COUNT(*) FILTER (WHERE margin_rank IS NULL) AS inactive_customers,
        SUM(margin_365) AS margin
    FROM value_tiers
    GROUP BY four_tier
),

filled AS (
    SELECT
        t.tier,
        t.share_to,
        COALESCE(c.customers, 0) AS customers,
        COALESCE(c.inactive_customers, 0) AS inactive_customers,
        COALESCE(c.margin, 0) AS margin
    FROM four_tiers() AS t
    LEFT JOIN counted AS c
        ON t.tier = c.four_tier
),

cumulated AS (
    SELECT
        *,
        SUM(customers) OVER () AS all_customers,
        SUM(margin) OVER () AS all_margin,
        SUM(customers) OVER (ORDER BY tier) AS customers_to,
        SUM(margin) OVER (ORDER BY tier) AS margin_to
    FROM filled
)

SELECT
    as_of() AS as_of,
    tier,
    CAST(share_to AS DOUBLE) AS tier_ends_at,
    CAST(customers AS BIGINT) AS customers,
    CAST(inactive_customers AS BIGINT) AS inactive_customers,
    safe_div(customers, all_customers) AS customer_share,
    safe_div(customers_to, all_customers) AS cumulated_customer_share,
    CAST(margin AS DECIMAL(38, 2)) AS margin,
    CASE WHEN all_margin > 0 THEN safe_div(margin, all_margin) END AS margin_share,
    CASE WHEN all_margin > 0 THEN safe_div(margin_to, all_margin) END AS cumulated_margin_share,
    CAST(CASE share_to
        WHEN 0.01 THEN 0.10 WHEN 0.10 THEN 0.30 WHEN 0.60 THEN 0.90 WHEN 1 THEN 1
    END AS DOUBLE) AS textbook_from,
    CAST(CASE share_to
        WHEN 0.01 THEN 0.10 WHEN 0.10 THEN 0.50 WHEN 0.60 THEN 0.90 WHEN 1 THEN 1
    END AS DOUBLE) AS textbook_to
FROM cumulated
