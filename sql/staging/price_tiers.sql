-- Active customers in three tiers of the price that they pay for a unit, 1 = lowest.
-- Same price, same tier; an unknown price counts as the lowest.
WITH paid AS (
    SELECT
        p.customer_id,
        safe_div(SUM(o.revenue), SUM(o.units)) AS unit_price
    FROM population AS p
    INNER JOIN customer_orders AS o
        ON p.customer_id = o.customer_id
    GROUP BY p.customer_id
),

ranked AS (
    SELECT
        customer_id,
        RANK() OVER (ORDER BY unit_price NULLS FIRST) AS place,
        COUNT(*) OVER () AS customers
    FROM paid
)

SELECT
    customer_id,
    CASE
        WHEN 3 * (place - 1) < customers THEN 1
        WHEN 3 * (place - 1) < 2 * customers THEN 2
        ELSE 3
    END AS price_tier
FROM ranked
