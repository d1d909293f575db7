-- What keeping customers is worth: the margin of a year if churn were some points lower.
WITH then_active AS (
    SELECT DISTINCT s.customer_id
    FROM activity_spells AS s
    CROSS JOIN history AS h
    WHERE s.started_on < CAST(days_ago(365) AS DATE)
        AND (s.lost_on IS NULL OR s.lost_on >= CAST(days_ago(365) AS DATE))
        AND age_days(h.started_on) >= 365 + lookback_days()
),

churned AS (
    SELECT safe_div(COUNT(*) FILTER (WHERE p.customer_id IS NULL), COUNT(*)) AS churn_rate
    FROM then_active AS t
    LEFT JOIN population AS p
        ON t.customer_id = p.customer_id
),

earned AS (
    SELECT
        COUNT(*) AS active_customers,
        safe_div(if_known(SUM(t.margin_365), MIN(h.started_on), 365), COUNT(*)) AS margin_per_customer
    FROM population AS p
    INNER JOIN customer_sales AS t
        ON p.customer_id = t.customer_id
    CROSS JOIN history AS h
),

kept AS (
    SELECT
        w.points,
        e.active_customers,
        e.margin_per_customer,
        c.churn_rate,
        LEAST(w.points / 100, COALESCE(c.churn_rate, 1)) AS share_kept
    FROM what_if_points() AS w
    CROSS JOIN earned AS e
    CROSS JOIN churned AS c
)

SELECT
    as_of() AS as_of,
    points,
    active_customers,
    churn_rate,
    churn_rate - share_kept AS churn_rate_then,
    share_kept * active_customers AS customers_kept,
    margin_per_customer,
    CAST(share_kept * active_customers * margin_per_customer AS DECIMAL(38, 2)) AS margin_per_year,
    CAST(share_kept * active_customers * margin_per_customer / 2 AS DECIMAL(38, 2)) AS margin_first_year
FROM kept
