-- The unbroken times during which a customer was active. A spell begins with an order and
-- is over on the day when the last order of it leaves the lookback window.
WITH starts AS (
    SELECT
        customer_id,
        day,
        order_day,
        SUM(CASE WHEN gap IS NULL OR gap > lookback_days() THEN 1 ELSE 0 END) OVER (
            PARTITION BY customer_id ORDER BY day
        ) AS spell
    FROM customer_days
    WHERE order_day IS NOT NULL
),

spells AS (
    SELECT
        customer_id,
        spell,
        MIN(day) AS started_on,
        MAX(day) AS last_order_on
    FROM starts
    GROUP BY customer_id, spell
)

SELECT
    customer_id,
    CAST(spell AS INTEGER) AS spell,
    started_on,
    last_order_on,
    CASE WHEN age_days(last_order_on) > lookback_days()
        THEN as_of() - (age_days(last_order_on) - CAST(lookback_days() AS INTEGER))
    END AS lost_on
FROM spells
