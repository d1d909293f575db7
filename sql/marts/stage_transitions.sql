-- Who changed stage since the day before: both days from the lake, not from last night's table.
WITH before AS (
    SELECT
        customer_id,
        stage
    FROM customer_lifecycle
    WHERE ref_day < as_of()
),

now AS (
    SELECT
        customer_id,
        stage,
        days_since_order,
        revenue_90
    FROM customer_lifecycle
    WHERE ref_day = as_of()
)

SELECT
    as_of() AS as_of,
    n.customer_id,
    b.stage AS from_stage,
    n.stage AS to_stage,
    n.days_since_order,
    CAST(n.revenue_90 AS DECIMAL(38, 2)) AS revenue_90
FROM now AS n
LEFT JOIN before AS b
    ON n.customer_id = b.customer_id
WHERE b.stage IS NULL OR b.stage <> n.stage
