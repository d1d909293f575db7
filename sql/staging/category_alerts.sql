-- Alerts about sensitive categories that a customer no longer buys, while it buys other things.
WITH stopped AS (
    SELECT
        l.customer_id,
        l.category,
        MAX(CAST(l.ordered_at AS DATE)) AS last_on
    FROM order_lines AS l
    INNER JOIN sensitive_categories() AS c
        ON l.category = c.category
    WHERE age_days(l.ordered_at) <= 365 + alert_category_stopped_days()
    GROUP BY l.customer_id, l.category
    HAVING MIN(age_days(l.ordered_at)) > alert_category_stopped_days()
        AND COUNT(DISTINCT CAST(l.ordered_at AS DATE)) >= 2
),

still_buying AS (
    SELECT DISTINCT customer_id
    FROM customer_orders
    WHERE ordered_at >= days_ago(alert_category_stopped_days())
)

SELECT
    t.customer_id,
    'sensitive_category_stopped' AS alert,
    'high' AS severity,
    MAX(t.last_on) AS since_on,
    CAST(MIN(age_days(t.last_on)) AS DOUBLE) AS measure,
    CAST(alert_category_stopped_days() AS DOUBLE) AS threshold,
    'still buys, but no longer ' || STRING_AGG(
        t.category || ' (last on ' || CAST(t.last_on AS VARCHAR) || ')', ', ' ORDER BY t.category
    ) AS evidence
FROM stopped AS t
INNER JOIN still_buying AS s
    ON t.customer_id = s.customer_id
GROUP BY t.customer_id
