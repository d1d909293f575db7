-- What the customer sent back.
WITH returned AS (
    SELECT
        customer_id,
        COUNT(*) AS returns_all,
        SUM(amount) AS returned_all,
        COUNT(*) FILTER (WHERE returned_at >= days_ago(90)) AS returns_90,
        COUNT(*) FILTER (WHERE returned_at >= days_ago(180)) AS returns_180,
        SUM(amount) FILTER (WHERE returned_at >= days_ago(180)) AS returned_180,
        MIN(age_days(returned_at)) AS days_since_return
    FROM returns
    GROUP BY customer_id
),

ordered AS (
    SELECT
        customer_id,
        SUM(revenue) AS revenue
    FROM customer_orders
    GROUP BY customer_id
)

SELECT
    o.customer_id,
    if_known(r.returns_90, h.started_on, 90) AS returns_90,
    if_known(r.returns_180, h.started_on, 180) AS returns_180,
    CAST(if_known(r.returned_180, h.started_on, 180) AS DOUBLE) AS returned_value_180,
    safe_div(COALESCE(r.returned_all, 0), o.revenue) AS returned_share,
    r.days_since_return
FROM ordered AS o
CROSS JOIN history AS h
LEFT JOIN returned AS r
    ON o.customer_id = r.customer_id
