-- When the customer buys: how long ago, how long at all, and how regularly.
-- Gaps are between distinct days with orders; sums of whole days keep the arithmetic exact.
WITH order_days AS (
    SELECT DISTINCT
        customer_id,
        ordered_on
    FROM customer_orders
),

gaps AS (
    SELECT
        customer_id,
        age_days(ordered_on) AS age,
        age_days(LAG(ordered_on) OVER (PARTITION BY customer_id ORDER BY ordered_on))
            - age_days(ordered_on) AS gap,
        ROW_NUMBER() OVER (PARTITION BY customer_id ORDER BY ordered_on DESC) AS place
    FROM order_days
),

summed AS (
    SELECT
        customer_id,
        MIN(age) AS recency_days,
        MAX(age) AS tenure_days,
        COUNT(*) AS order_days,
        COUNT(gap) AS gaps,
        SUM(gap) AS gap_sum,
        SUM(gap * gap) AS gap_squares,
        MAX(gap) AS gap_max,
        MAX(CASE WHEN place = 1 THEN gap END) AS gap_last
    FROM gaps
    GROUP BY customer_id
)

SELECT
    customer_id,
    recency_days,
    tenure_days,
    order_days,
    gap_last AS gap_last_days,
    gap_max AS gap_max_days,
    safe_div(gap_sum, gaps) AS gap_mean_days,
    SQRT(safe_div(gaps * gap_squares - gap_sum * gap_sum, gaps * (gaps - 1))) AS gap_sd_days,
    safe_div(recency_days * gaps, gap_sum) AS overdue_ratio,
    safe_div(recency_days, gap_max) AS overdue_ratio_max,
    safe_div(gap_last * gaps, gap_sum) AS gap_last_ratio,
    safe_div(recency_days, tenure_days) AS silent_share,
    safe_div(30 * order_days, tenure_days) AS order_days_per_30
FROM summed
