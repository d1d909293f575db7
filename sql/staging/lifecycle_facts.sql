-- What decides where a customer stands, on the as-of day and on the day before: one logic over
-- two reference days, each of which sees only what happened before it. Borders are in whole
-- multiples, so that nothing is rounded before it is compared.
WITH ref_days AS (
    SELECT as_of() AS ref_day
    UNION ALL
    SELECT CAST(days_ago(1) AS DATE) AS ref_day
),

-- Whole 90-day windows before W(90) that the records cover, three at most.
windows AS (
    SELECT
        r.ref_day,
        age_days(r.ref_day) AS shift,
        CASE
            WHEN age_days(h.started_on) - age_days(r.ref_day) >= 360 THEN 3
            WHEN age_days(h.started_on) - age_days(r.ref_day) >= 270 THEN 2
            WHEN age_days(h.started_on) - age_days(r.ref_day) >= 180 THEN 1
            ELSE 0
        END AS earlier
    FROM ref_days AS r
    CROSS JOIN history AS h
),

aged AS (
    SELECT
        w.ref_day,
        w.earlier,
        d.customer_id,
        d.orders,
        d.order_day,
        d.gap,
        d.revenue,
        age_days(d.day) - w.shift AS age
    FROM windows AS w
    INNER JOIN customer_days AS d
        ON d.day < w.ref_day
),

everyone AS (
    SELECT
        ref_day,
        PERCENTILE_DISC(CAST(at_risk_percentile() AS DECIMAL(9, 6)))
            WITHIN GROUP (ORDER BY gap) AS gap_percentile
    FROM aged
    GROUP BY ref_day
),

summed AS (
    SELECT
        ref_day,
        customer_id,
        earlier,
        SUM(orders) AS orders,
        MAX(CASE WHEN order_day IS NOT NULL THEN age END) AS first_age,
        MIN(CASE WHEN order_day IS NOT NULL THEN age END) AS days_since_order,
        MIN(CASE WHEN gap > lookback_days() THEN age END) AS won_back_age,
        COUNT(gap) AS gaps,
        LEAST(COUNT(gap), min_gaps()) AS own,
        PERCENTILE_DISC(CAST(at_risk_percentile() AS DECIMAL(9, 6)))
            WITHIN GROUP (ORDER BY gap) AS own_percentile,
        SUM(CASE WHEN age <= 90 THEN revenue ELSE 0 END) AS revenue_90,
        SUM(CASE WHEN age > 90 AND age <= 90 + 90 * earlier THEN revenue ELSE 0 END) AS earlier_revenue
    FROM aged
    GROUP BY ref_day, customer_id, earlier
    HAVING SUM(orders) > 0
)

SELECT
    s.*,
    s.own * COALESCE(s.own_percentile, 0) + (min_gaps() - s.own) * e.gap_percentile AS late_after_times,
    CAST(s.revenue_90 * s.earlier - s.earlier_revenue AS DECIMAL(38, 4)) AS change,
    CAST(
        ABS(s.earlier_revenue) * CAST(growth_share() AS DECIMAL(9, 6)) AS DECIMAL(38, 10)
    ) AS change_border
FROM summed AS s
INNER JOIN everyone AS e
    ON s.ref_day = e.ref_day
