-- Spend of active customers in W(30) and in each of up to twelve 30-day windows before it, as
-- far back as the customer has been one: what is usual is told by whole windows only.
WITH spent AS (
    SELECT
        d.customer_id,
        (age_days(d.day) - 1) // 30 AS place,
        SUM(d.revenue) AS revenue
    FROM customer_days AS d
    INNER JOIN population AS p
        ON d.customer_id = p.customer_id
    WHERE age_days(d.day) <= 390
    GROUP BY d.customer_id, (age_days(d.day) - 1) // 30
),

known AS (
    SELECT
        d.customer_id,
        LEAST(12, MAX(age_days(d.day)) // 30 - 1) AS windows
    FROM customer_days AS d
    INNER JOIN population AS p
        ON d.customer_id = p.customer_id
    WHERE d.order_day IS NOT NULL
    GROUP BY d.customer_id
)

SELECT
    k.customer_id,
    CAST(n.place AS INTEGER) AS place,
    CAST(COALESCE(s.revenue, 0) AS DECIMAL(38, 4)) AS revenue
FROM known AS k
INNER JOIN generate_series(0, 12) AS n(place)
    ON n.place <= k.windows
LEFT JOIN spent AS s
    ON k.customer_id = s.customer_id AND n.place = s.place
WHERE k.windows >= 6
