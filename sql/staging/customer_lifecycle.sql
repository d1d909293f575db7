-- Where every customer stood on the as-of day and on the day before. The first rule that fits
-- gives the stage: what asks for action now goes before what describes.
WITH seen AS (
    SELECT
        r.ref_day,
        i.customer_id,
        COUNT(*) AS interactions
    FROM (SELECT as_of() AS ref_day UNION ALL SELECT CAST(days_ago(1) AS DATE)) AS r
    INNER JOIN interactions AS i
        ON CAST(i.occurred_at AS DATE) < r.ref_day
    GROUP BY r.ref_day, i.customer_id
)

SELECT
    ref_day,
    customer_id,
    CASE
        WHEN k.orders IS NULL THEN 'prospect'
        WHEN k.days_since_order > lookback_days() THEN 'lost'
        WHEN k.days_since_order * min_gaps() > k.late_after_times THEN 'at_risk'
        WHEN k.won_back_age <= new_days() THEN 'won_back'
        WHEN k.first_age <= new_days() AND k.orders < new_orders() THEN 'new'
        WHEN k.earlier = 0 THEN 'stable'
        WHEN k.change > k.change_border THEN 'growing'
        WHEN k.change < -k.change_border THEN 'declining'
        ELSE 'stable'
    END AS stage,
    CAST(COALESCE(k.orders, 0) AS BIGINT) AS orders,
    CASE WHEN h.interactions_since < ref_day THEN CAST(COALESCE(s.interactions, 0) AS BIGINT) END
        AS interactions,
    k.first_age,
    k.days_since_order,
    k.won_back_age,
    CAST(COALESCE(k.gaps, 0) AS BIGINT) AS gaps,
    safe_div(k.late_after_times, min_gaps()) AS late_after_days,
    k.revenue_90,
    CASE WHEN k.earlier > 0 THEN safe_div(k.earlier_revenue, k.earlier) END AS revenue_90_before,
    safe_div(k.change, CASE WHEN k.earlier > 0 THEN ABS(k.earlier_revenue) END) AS revenue_change
FROM lifecycle_facts AS k
FULL JOIN seen AS s
    USING (ref_day, customer_id)
CROSS JOIN interaction_history AS h
