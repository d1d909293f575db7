-- What the customer sent back. NULL when returns were not recorded for that long.
WITH named AS (
    SELECT
        r.*,
        age_days(o.ordered_on) - age_days(r.returned_at) AS days_kept
    FROM returns AS r
    LEFT JOIN customer_orders AS o
        ON r.order_id = o.order_id AND r.customer_id = o.customer_id
),

returned AS (
    SELECT
        customer_id,
        SUM(amount) AS returned_all,
        SUM(units) AS units_all,
        COUNT(*) FILTER (WHERE returned_at >= days_ago(30)) AS returns_30,
        COUNT(*) FILTER (WHERE returned_at >= days_ago(90)) AS returns_90,
        COUNT(*) FILTER (WHERE returned_at >= days_ago(180)) AS returns_180,
        COUNT(*) FILTER (WHERE returned_at >= days_ago(365)) AS returns_365,
        SUM(amount) FILTER (WHERE returned_at >= days_ago(180)) AS returned_180,
        SUM(days_kept) AS days_kept,
        COUNT(days_kept) AS kept,
        MIN(age_days(returned_at)) AS days_since_return
    FROM named
    GROUP BY customer_id
),

ordered AS (
    SELECT
        customer_id,
        SUM(revenue) AS revenue,
        SUM(units) AS units,
        SUM(revenue) FILTER (WHERE ordered_at >= days_ago(180)) AS revenue_180
    FROM customer_orders
    GROUP BY customer_id
)

SELECT
    o.customer_id,
    if_known(r.returns_30, i.returns_since, 30) AS returns_30,
    if_known(r.returns_90, i.returns_since, 90) AS returns_90,
    if_known(r.returns_180, i.returns_since, 180) AS returns_180,
    if_known(r.returns_365, i.returns_since, 365) AS returns_365,
    CAST(if_known(r.returned_180, i.returns_since, 180) AS DOUBLE) AS returned_value_180,
    safe_div(if_known(r.returned_180, i.returns_since, 180), if_known(o.revenue_180, h.started_on, 180))
        AS returned_share_180,
    safe_div(if_known(r.returned_all, i.returns_since, 0), o.revenue) AS returned_share,
    safe_div(if_known(r.units_all, i.returns_since, 0), o.units) AS returned_units_share,
    safe_div(r.days_kept, r.kept) AS return_days_mean,
    r.days_since_return
FROM ordered AS o
CROSS JOIN history AS h
CROSS JOIN interaction_history AS i
LEFT JOIN returned AS r
    ON o.customer_id = r.customer_id
