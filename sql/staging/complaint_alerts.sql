-- Alerts about complaints: open for too long, and many of them.
WITH open_cases AS (
    SELECT
        customer_id,
        complained_at,
        age_days(complained_at) AS days_open
    FROM complaint_cases
    WHERE is_open
)

SELECT
    customer_id,
    'complaint_open' AS alert,
    CASE WHEN MAX(days_open) > 4 * alert_complaint_open_days() THEN 'high' ELSE 'medium' END AS severity,
    MIN(CAST(complained_at AS DATE)) AS since_on,
    CAST(MAX(days_open) AS DOUBLE) AS measure,
    CAST(alert_complaint_open_days() AS DOUBLE) AS threshold,
    CASE WHEN COUNT(*) = 1 THEN 'a complaint is open for ' ELSE
        CAST(COUNT(*) AS VARCHAR) || ' complaints are open, the oldest for ' END
        || CAST(MAX(days_open) AS VARCHAR) || ' days' AS evidence
FROM open_cases
WHERE days_open > alert_complaint_open_days()
GROUP BY customer_id
UNION ALL
SELECT
    customer_id,
    'complaints_piling_up' AS alert,
    CASE WHEN COUNT(*) >= 2 * alert_complaints() THEN 'high' ELSE 'medium' END AS severity,
    MAX(CAST(complained_at AS DATE)) AS since_on,
    CAST(COUNT(*) AS DOUBLE) AS measure,
    CAST(alert_complaints() AS DOUBLE) AS threshold,
    CAST(COUNT(*) AS VARCHAR) || ' complaints in ' || CAST(alert_complaints_days() AS VARCHAR)
        || ' days' AS evidence
FROM complaint_cases
WHERE complained_at >= days_ago(alert_complaints_days())
GROUP BY customer_id
HAVING COUNT(*) >= alert_complaints()
