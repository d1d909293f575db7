-- Which relationship a customer is worth: much margin per order and few customers like it
-- are worth a partnership, little margin and many are served in the basic way.
WITH earned AS (
    SELECT
        customer_id,
        safe_div(margin_365, orders_365) AS margin_per_order
    FROM customer_sales
    WHERE orders_365 > 0
),

median AS (
    SELECT PERCENTILE_DISC(0.5) WITHIN GROUP (ORDER BY margin_per_order) AS margin_per_order
    FROM earned
),

compared AS (
    SELECT
        e.customer_id,
        e.margin_per_order,
        CASE
            WHEN e.margin_per_order > 0 AND m.margin_per_order > 0
                THEN e.margin_per_order / m.margin_per_order
        END AS times_the_median
    FROM earned AS e
    CROSS JOIN median AS m
),

-- Alike are customers of the same doubling: from 1 to 2 times the median, from 2 to 4, ...
counted AS (
    SELECT
        *,
        COUNT(*) OVER (PARTITION BY FLOOR(LOG2(times_the_median))) AS customers_like_this
    FROM compared
),

matched AS (
    SELECT
        c.customer_id,
        MIN(r.priority) AS priority
    FROM counted AS c
    INNER JOIN relationship_rules() AS r
        ON
            (r.min_margin = 0 OR c.times_the_median >= r.min_margin)
            AND (r.max_customers IS NULL OR c.customers_like_this <= r.max_customers)
    WHERE c.times_the_median IS NOT NULL
    GROUP BY c.customer_id
)

SELECT
    as_of() AS as_of,
    t.customer_id,
    c.margin_per_order,
    c.times_the_median,
    c.customers_like_this,
    CASE WHEN c.customer_id IS NOT NULL THEN COALESCE(r.level, 'basic') END AS relationship_level
FROM customer_sales AS t
LEFT JOIN counted AS c
    ON t.customer_id = c.customer_id
LEFT JOIN matched AS m
    ON t.customer_id = m.customer_id
LEFT JOIN relationship_rules() AS r
    ON m.priority = r.priority
