-- What a customer is worth, in three parts: earned so far, expected if nothing changes, and
-- what cross-selling could add.
WITH offered AS (
    SELECT
        customer_id,
        SUM(expected_margin) AS potential_value,
        BOOL_AND(COALESCE(margin_is_full_year, FALSE)) AS potential_is_full_year
    FROM cross_sell_scores
    GROUP BY customer_id
),

-- Without any score there is no model; with one, an active customer who has no score of its
-- own buys every category that is offered.
modelled AS (
    SELECT COUNT(*) > 0 AS has_scores
    FROM cross_sell_scores
),

parts AS (
    SELECT
        t.customer_id,
        CAST(t.margin_all AS DECIMAL(38, 2)) AS historical_value,
        CAST(p.expected_orders_365 * p.expected_margin_per_order AS DECIMAL(38, 2)) AS current_value,
        CASE
            WHEN a.customer_id IS NOT NULL AND m.has_scores
                THEN CAST(COALESCE(o.potential_value, 0) AS DECIMAL(38, 2))
        END AS potential_value,
        CASE
            WHEN a.customer_id IS NOT NULL AND m.has_scores
                THEN COALESCE(o.potential_is_full_year, TRUE)
        END AS potential_is_full_year
    FROM customer_sales AS t
    CROSS JOIN modelled AS m
    LEFT JOIN purchase_process AS p
        ON t.customer_id = p.customer_id
    LEFT JOIN population AS a
        ON t.customer_id = a.customer_id
    LEFT JOIN offered AS o
        ON t.customer_id = o.customer_id
),

summed AS (
    SELECT
        *,
        CASE
            WHEN current_value IS NOT NULL OR potential_value IS NOT NULL
                THEN CAST(COALESCE(current_value, 0) + COALESCE(potential_value, 0) AS DECIMAL(38, 2))
        END AS future_value
    FROM parts
)

SELECT
    as_of() AS as_of,
    customer_id,
    historical_value,
    current_value,
    potential_value,
    potential_is_full_year,
    future_value,
    CAST(historical_value + COALESCE(future_value, 0) AS DECIMAL(38, 2)) AS total_value,
    CASE
        WHEN current_value IS NOT NULL AND potential_value IS NOT NULL THEN 'current and potential'
        WHEN current_value IS NOT NULL THEN 'current'
        WHEN potential_value IS NOT NULL THEN 'potential'
        ELSE 'none'
    END AS future_basis
FROM summed
