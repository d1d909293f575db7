-- Alerts about spend that changed suddenly. Where more than half of the windows before were the
-- same, what was spent must be new as well. Without a z-score nothing was spent in all of them.
SELECT
    customer_id,
    CASE WHEN revenue_30 < median THEN 'spend_drop' ELSE 'spend_rise' END AS alert,
    CASE
        WHEN revenue_30 > median THEN 'low'
        WHEN revenue_30 <= 0 OR z < -2 * alert_spend_z() THEN 'high'
        ELSE 'medium'
    END AS severity,
    CAST(days_ago(30) AS DATE) AS since_on,
    z AS measure,
    alert_spend_z() AS threshold,
    'spent ' || CAST(CAST(revenue_30 AS DECIMAL(38, 2)) AS VARCHAR) || ' in the last 30 days, usual is '
        || CAST(CAST(median AS DECIMAL(38, 2)) AS VARCHAR) AS evidence
FROM spend_changes
WHERE ABS(z) > alert_spend_z() AND (mad > 0 OR revenue_30 < lowest OR revenue_30 > highest)
    OR z IS NULL
