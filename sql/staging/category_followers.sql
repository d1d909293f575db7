-- What did those who owned a category buy next? Of the customers who one horizon ago owned the
-- first category and not the second: how many have bought the second since? Smoothed towards
-- the rate of all customers without the second one, as if 20 more had it.
WITH owners AS (
    SELECT
        category,
        COUNT(*) AS customers
    FROM earlier_ownership
    WHERE owned_then
    GROUP BY category
),

together AS (
    SELECT
        k.category AS owned,
        o.category AS offered,
        COUNT(*) FILTER (WHERE o.owned_then) AS owners,
        COUNT(*) FILTER (WHERE NOT o.owned_then) AS followers
    FROM earlier_ownership AS k
    INNER JOIN earlier_ownership AS o
        ON k.customer_id = o.customer_id AND k.category <> o.category
    INNER JOIN cross_sell_categories AS c
        ON o.category = c.category
    WHERE k.owned_then
    GROUP BY k.category, o.category
)

SELECT
    k.category AS owned,
    e.category AS offered,
    k.customers - COALESCE(t.owners, 0) AS non_owners,
    COALESCE(t.followers, 0) AS followers,
    CAST(
        safe_div(COALESCE(t.followers, 0) + 20 * e.entry_rate, k.customers - COALESCE(t.owners, 0) + 20)
        AS DECIMAL(18, 6)
    ) AS follow_rate
FROM owners AS k
INNER JOIN cross_sell_categories AS c
    ON k.category = c.category
INNER JOIN category_entrants AS e
    ON k.category <> e.category
LEFT JOIN together AS t
    ON k.category = t.owned AND e.category = t.offered
