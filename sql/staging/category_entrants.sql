-- How many of those who did not own a category one horizon ago have entered it since: the rate
-- at which the category was cross-sold lately, as if of 20 more customers one had entered.
WITH total AS (
    SELECT COUNT(DISTINCT customer_id) AS customers
    FROM earlier_ownership
),

counted AS (
    SELECT
        category,
        COUNT(*) FILTER (WHERE owned_then) AS owners,
        COUNT(*) FILTER (WHERE NOT owned_then) AS entrants
    FROM earlier_ownership
    GROUP BY category
)

SELECT
    c.category,
    n.customers - COALESCE(e.owners, 0) AS non_owners,
    COALESCE(e.entrants, 0) AS entrants,
    CAST(
        safe_div(COALESCE(e.entrants, 0) + 1, n.customers - COALESCE(e.owners, 0) + 20) AS DECIMAL(18, 6)
    ) AS entry_rate
FROM cross_sell_categories AS c
CROSS JOIN total AS n
LEFT JOIN counted AS e
    ON c.category = e.category
