-- Ratings and complaints of each period. What a complaint itself is rated is no rating.
WITH told AS (
    SELECT
        CAST(occurred_at AS DATE) AS day,
        COUNT(*) AS ratings,
        SUM(rating) AS rating,
        0 AS complaints,
        0 AS complaints_resolved,
        0 AS days_to_resolve
    FROM interactions
    WHERE rating IS NOT NULL AND kind <> 'complaint'
    GROUP BY CAST(occurred_at AS DATE)
    UNION ALL
    SELECT
        CAST(complained_at AS DATE) AS day,
        0 AS ratings,
        0 AS rating,
        COUNT(*) AS complaints,
        0 AS complaints_resolved,
        0 AS days_to_resolve
    FROM complaint_cases
    GROUP BY CAST(complained_at AS DATE)
    UNION ALL
    SELECT
        CAST(GREATEST(resolved_at, complained_at) AS DATE) AS day,
        0 AS ratings,
        0 AS rating,
        0 AS complaints,
        COUNT(*) AS complaints_resolved,
        SUM(days_to_resolve) AS days_to_resolve
    FROM complaint_cases
    WHERE NOT is_open
    GROUP BY CAST(GREATEST(resolved_at, complained_at) AS DATE)
)

SELECT
    d.period,
    d.starts_on,
    CAST(SUM(t.ratings) AS BIGINT) AS ratings,
    SUM(t.rating) AS rating,
    CAST(SUM(t.complaints) AS BIGINT) AS complaints,
    CAST(SUM(t.complaints_resolved) AS BIGINT) AS complaints_resolved,
    SUM(t.days_to_resolve) AS days_to_resolve
FROM told AS t
INNER JOIN period_days AS d
    ON t.day = d.day
GROUP BY d.period, d.starts_on
