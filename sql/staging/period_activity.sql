-- Who became and ceased to be active in each period, told by when spells begin and end: no
-- day is met with all orders.
WITH periods AS (
    SELECT DISTINCT period, starts_on, ends_on
    FROM period_days
),

started AS (
    SELECT
        d.period, d.starts_on,
        COUNT(*) FILTER (WHERE s.spell = 1) AS new_customers,
        COUNT(*) FILTER (WHERE s.spell > 1) AS won_back_customers
    FROM activity_spells AS s
    INNER JOIN period_days AS d
        ON s.started_on = d.day
    GROUP BY d.period, d.starts_on
),

ended AS (
    SELECT
        d.period, d.starts_on,
        COUNT(*) AS lost_customers,
        COUNT(*) FILTER (WHERE s.started_on < d.starts_on) AS lost_from_before
    FROM activity_spells AS s
    INNER JOIN period_days AS d
        ON s.lost_on = d.day
    GROUP BY d.period, d.starts_on
),

-- Who is lost and back before the period is over has not churned in it.
returned AS (
    SELECT
        d.period, d.starts_on,
        COUNT(*) AS returned_customers
    FROM activity_spells AS s
    INNER JOIN period_days AS d
        ON s.lost_on = d.day
    INNER JOIN activity_spells AS b
        ON s.customer_id = b.customer_id
    WHERE s.started_on < d.starts_on AND b.spell > s.spell
        AND b.started_on <= d.ends_on AND (b.lost_on IS NULL OR b.lost_on > d.ends_on)
    GROUP BY d.period, d.starts_on
),

changes AS (
    SELECT day, SUM(change) AS change
    FROM (
        SELECT started_on AS day, 1 AS change FROM activity_spells
        UNION ALL
        SELECT lost_on AS day, -1 AS change FROM activity_spells WHERE lost_on IS NOT NULL
    ) AS c
    GROUP BY day
),

active AS (
    SELECT
        p.period, p.starts_on,
        SUM(CASE WHEN c.day < p.starts_on THEN c.change ELSE 0 END) AS active_before,
        SUM(c.change) AS active_customers
    FROM periods AS p
    INNER JOIN changes AS c ON c.day <= p.ends_on
    GROUP BY p.period, p.starts_on
)

SELECT
    period, starts_on, p.ends_on,
    CASE WHEN age_days(h.started_on) - age_days(starts_on) >= lookback_days() THEN a.active_before END
        AS active_before,
    CASE WHEN age_days(h.started_on) - age_days(p.ends_on) + 1 >= lookback_days() THEN a.active_customers END
        AS active_customers,
    COALESCE(b.new_customers, 0) AS new_customers,
    COALESCE(b.won_back_customers, 0) AS won_back_customers,
    COALESCE(e.lost_customers, 0) AS lost_customers,
    COALESCE(e.lost_from_before, 0) - COALESCE(r.returned_customers, 0) AS churned_customers
FROM periods AS p
CROSS JOIN history AS h
LEFT JOIN active AS a USING (period, starts_on)
LEFT JOIN started AS b USING (period, starts_on)
LEFT JOIN ended AS e USING (period, starts_on)
LEFT JOIN returned AS r USING (period, starts_on)
