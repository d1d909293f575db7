-- The days of each period that key figures are given for: days and months since orders are
-- known, up to the day before the as-of day.
WITH past_days AS (
    SELECT as_of() - CAST(n AS INTEGER) AS day
    FROM generate_series(1, GREATEST(kpi_days(), 31 * kpi_months())) AS s(n)
),

period_days AS (
    SELECT
        'day' AS period,
        p.day AS starts_on,
        p.day
    FROM past_days AS p
    INNER JOIN history AS h
        ON p.day >= h.started_on
    WHERE age_days(p.day) <= kpi_days()
    UNION ALL
    SELECT
        'month' AS period,
        CAST(DATE_TRUNC('month', p.day) AS DATE) AS starts_on,
        p.day
    FROM past_days AS p
    INNER JOIN history AS h
        ON p.day >= h.started_on
    WHERE DATE_TRUNC('month', p.day)
        > DATE_TRUNC('month', CAST(days_ago(1) AS DATE)) - INTERVAL '1' MONTH * kpi_months()
)

SELECT
    period,
    starts_on,
    MAX(day) OVER (PARTITION BY period, starts_on) AS ends_on,
    day
FROM period_days
