-- What a customer's grade is made of, each so that more is better; one row per indicator
-- that is known.
WITH measured AS (
    SELECT
        t.customer_id,
        CAST(t.margin_365 AS DOUBLE) AS margin,
        CAST(t.units_365 AS DOUBLE) AS units,
        CASE
            WHEN t.revenue_365 > 0
                THEN -safe_div(t.discount_365 + COALESCE(f.financing_cost_365, 0), t.revenue_365)
        END AS marketing_cost_ratio,
        CAST(age_days(t.first_order_on) AS DOUBLE) AS tenure,
        s.satisfaction,
        m.standing
    FROM customer_sales AS t
    LEFT JOIN financing AS f
        ON t.customer_id = f.customer_id
    LEFT JOIN satisfaction AS s
        ON t.customer_id = s.customer_id
    LEFT JOIN customer_master AS m
        ON t.customer_id = m.customer_id
),

listed AS (
    SELECT customer_id, 'margin' AS indicator, margin AS value FROM measured
    UNION ALL
    SELECT customer_id, 'units' AS indicator, units AS value FROM measured
    UNION ALL
    SELECT customer_id, 'marketing_cost_ratio' AS indicator, marketing_cost_ratio AS value FROM measured
    UNION ALL
    SELECT customer_id, 'tenure' AS indicator, tenure AS value FROM measured
    UNION ALL
    SELECT customer_id, 'satisfaction' AS indicator, satisfaction AS value FROM measured
    UNION ALL
    SELECT customer_id, 'standing' AS indicator, standing AS value FROM measured
)

-- Percentile rank: the customers below, and half of those with the same value. Nothing is worse
-- than the lowest satisfaction, however many share it: where nobody rates, all who complained do.
SELECT
    as_of() AS as_of,
    customer_id,
    indicator,
    value,
    CASE
        WHEN indicator = 'satisfaction' AND value <= CAST(satisfaction_lowest() AS DOUBLE) THEN 0
        ELSE 50.0 * safe_div(
            2 * RANK() OVER (PARTITION BY indicator ORDER BY value) - 2
            + COUNT(*) OVER (PARTITION BY indicator, value),
            COUNT(*) OVER (PARTITION BY indicator)
        )
    END AS points
FROM listed
WHERE value IS NOT NULL
