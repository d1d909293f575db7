-- How unequal customers are, in two numbers per measure: the Gini coefficient and the share
-- of the top customers.
WITH measured AS (
    SELECT
        'margin' AS measure,
        customer_id,
        margin_365 AS amount
    FROM customer_classes
    UNION ALL
    SELECT
        'revenue' AS measure,
        customer_id,
        revenue_365 AS amount
    FROM customer_classes
),

ranked AS (
    SELECT
        measure,
        amount,
        ROW_NUMBER() OVER (PARTITION BY measure ORDER BY amount DESC, customer_id) AS place,
        COUNT(*) OVER (PARTITION BY measure) AS customers
    FROM measured
),

summed AS (
    SELECT
        measure,
        COUNT(*) AS customers,
        SUM(amount) AS total,
        SUM(CAST((customers + 1 - 2 * place) * amount AS DECIMAL(38, 2))) AS spread,
        COUNT(*) FILTER (WHERE place - 1 < top_share() * customers) AS top_customers,
        SUM(amount) FILTER (WHERE place - 1 < top_share() * customers) AS top_amount
    FROM ranked
    GROUP BY measure
)

SELECT
    as_of() AS as_of,
    measure,
    customers,
    CAST(total AS DECIMAL(38, 2)) AS total,
    CASE WHEN total > 0 THEN safe_div(spread, CAST(customers AS DOUBLE) * CAST(total AS DOUBLE)) END AS gini,
    top_customers,
    CASE WHEN total > 0 THEN safe_div(top_amount, total) END AS top_share
FROM summed
