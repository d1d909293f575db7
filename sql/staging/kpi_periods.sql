-- Key figures of periods, days and months alike, so that both tables count the same way. What
-- was not recorded from a period's first day on is not known of it.
WITH recorded AS (
    SELECT
        d.period,
        d.starts_on,
        MIN(d.day) >= MIN(i.ratings_since) AS has_ratings,
        MIN(d.day) >= MIN(i.service_since) AS has_complaints,
        MIN(d.day) >= MIN(i.resolutions_since) AS has_resolutions
    FROM period_days AS d
    CROSS JOIN interaction_history AS i
    GROUP BY d.period, d.starts_on
)

SELECT
    period,
    starts_on,
    a.ends_on,
    a.active_before,
    a.active_customers,
    a.new_customers,
    a.won_back_customers,
    a.lost_customers,
    a.churned_customers,
    COALESCE(s.ordering_customers, 0) AS ordering_customers,
    safe_div(s.repeat_customers, s.ordering_customers) AS repeat_rate,
    CAST(COALESCE(s.orders, 0) AS BIGINT) AS orders,
    CAST(COALESCE(s.revenue, 0) AS DECIMAL(38, 2)) AS revenue,
    CAST(COALESCE(s.margin, 0) AS DECIMAL(38, 2)) AS margin,
    CAST(safe_div(s.ordered_revenue, s.orders) AS DECIMAL(38, 2)) AS average_order_value,
    CASE WHEN s.margin > 0 THEN safe_div(s.top_margin, s.margin) END AS top_share,
    CASE
        WHEN s.margin > 0 THEN safe_div(s.spread, CAST(s.customers AS DOUBLE) * CAST(s.margin AS DOUBLE))
    END AS gini,
    CASE WHEN r.has_ratings THEN COALESCE(v.ratings, 0) END AS ratings,
    safe_div(v.rating, v.ratings) AS satisfaction,
    CASE WHEN r.has_complaints THEN COALESCE(v.complaints, 0) END AS complaints,
    CASE WHEN r.has_complaints THEN safe_div(COALESCE(v.complaints, 0), s.orders) END AS complaint_rate,
    CASE WHEN r.has_resolutions THEN COALESCE(v.complaints_resolved, 0) END AS complaints_resolved,
    safe_div(v.days_to_resolve, v.complaints_resolved) AS days_to_resolve_mean
FROM period_activity AS a
INNER JOIN recorded AS r
    USING (period, starts_on)
LEFT JOIN period_sales AS s
    USING (period, starts_on)
LEFT JOIN period_service AS v
    USING (period, starts_on)
