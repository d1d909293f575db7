-- How the customer's complaints ended: resolved or not, how fast, and did the customer order again?
WITH cases AS (
    SELECT
        customer_id,
        COUNT(*) AS complaints,
        COUNT(is_open) AS known,
        COUNT(resolved_at) AS resolved,
        SUM(days_to_resolve) AS days_to_resolve,
        COUNT(*) FILTER (
            WHERE days_to_resolve > alert_complaint_open_days()
                OR is_open AND complained_at < days_ago(alert_complaint_open_days())
        ) AS slow,
        MIN(age_days(complained_at)) AS days_since_complaint,
        MAX(complained_at) AS complained_at,
        MAX(resolved_at) AS resolved_at
    FROM complaint_cases
    GROUP BY customer_id
),

ordered AS (
    SELECT
        c.customer_id,
        COUNT(*) AS orders,
        COUNT(*) FILTER (WHERE o.ordered_at >= c.complained_at) AS since_complaint,
        COUNT(*) FILTER (WHERE o.ordered_at >= c.resolved_at) AS since_resolved
    FROM cases AS c
    INNER JOIN customer_orders AS o
        ON c.customer_id = o.customer_id
    GROUP BY c.customer_id
)

SELECT
    p.customer_id,
    if_known(c.complaints, h.service_since, 0) AS complaints_all,
    safe_div(if_known(c.complaints, h.service_since, 0), v.orders_all) AS complaints_per_order,
    c.days_since_complaint,
    safe_div(c.resolved, c.known) AS complaints_resolved_share,
    safe_div(c.slow, c.known) AS complaints_slow_share,
    safe_div(c.days_to_resolve, c.resolved) AS complaint_days_mean,
    o.since_complaint AS orders_since_complaint,
    CASE WHEN c.resolved > 0 THEN o.since_resolved END AS orders_since_resolved
FROM population AS p
INNER JOIN customer_volume AS v
    ON p.customer_id = v.customer_id
CROSS JOIN interaction_history AS h
LEFT JOIN cases AS c
    ON p.customer_id = c.customer_id
LEFT JOIN ordered AS o
    ON p.customer_id = o.customer_id
