-- Customers ranked by the margin of the last 365 days, in three and in four tiers. A tier
-- takes in the customer in whom its border falls, so the best tier is never empty.
WITH borders AS (
    SELECT
        MAX(CASE WHEN tier = 1 THEN share_to END) AS share_1,
        MAX(CASE WHEN tier = 2 THEN share_to END) AS share_2,
        MAX(CASE WHEN tier = 3 THEN share_to END) AS share_3
    FROM four_tiers()
),

earned AS (
    SELECT
        customer_id,
        in_year,
        CAST(margin_365 AS DECIMAL(38, 2)) AS margin_365
    FROM customer_sales
),

ranked AS (
    SELECT
        customer_id,
        ROW_NUMBER() OVER best_first AS margin_rank,
        COUNT(*) OVER () AS customers,
        SUM(margin_365) OVER () AS total,
        SUM(margin_365) OVER (best_first ROWS UNBOUNDED PRECEDING) AS cumulated
    FROM earned
    WHERE in_year
    WINDOW best_first AS (ORDER BY margin_365 DESC, customer_id)
)

SELECT
    as_of() AS as_of,
    e.customer_id,
    e.margin_365,
    r.margin_rank,
    CASE WHEN r.total > 0 THEN safe_div(e.margin_365, r.total) END AS margin_share,
    CASE WHEN r.total > 0 THEN safe_div(r.cumulated, r.total) END AS cumulated_margin_share,
    CASE
        WHEN r.margin_rank - 1 < tier_best_share() * r.customers THEN 'best'
        WHEN r.margin_rank - 1 < tier_second_share() * r.customers THEN 'second'
        ELSE 'rest'
    END AS three_tier,
    CASE
        WHEN r.margin_rank - 1 < b.share_1 * r.customers THEN 1
        WHEN r.margin_rank - 1 < b.share_2 * r.customers THEN 2
        WHEN r.margin_rank - 1 < b.share_3 * r.customers THEN 3
        ELSE 4
    END AS four_tier
FROM earned AS e
CROSS JOIN borders AS b
LEFT JOIN ranked AS r
    ON e.customer_id = r.customer_id
