-- When the customer buys: how long ago, how long at all, and how regularly.
-- Sums of whole days keep the arithmetic exact.
WITH summed AS (
    SELECT
        customer_id,
        MIN(age) AS recency_days,
        MAX(age) AS tenure_days,
        COUNT(*) AS order_days,
        COUNT(gap) AS gaps,
        SUM(gap) AS gap_sum,
        SUM(CAST(gap AS BIGINT) * gap) AS gap_squares,
        MIN(gap) AS gap_min,
        MAX(gap) AS gap_max,
        MAX(CASE WHEN place = 1 THEN gap END) AS gap_last
    FROM order_gaps
    GROUP BY customer_id
)

SELECT
    customer_id,
    recency_days,
    tenure_days,
    order_days,
    gap_last AS gap_last_days,
    gap_min AS gap_min_days,
    gap_max AS gap_max_days,
    safe_div(gap_sum, gaps) AS gap_mean_days,
    SQRT(safe_div(gaps * gap_squares - gap_sum * gap_sum, gaps * (gaps - 1))) AS gap_sd_days,
    SQRT(safe_div(gaps * (gaps * gap_squares - gap_sum * gap_sum), (gaps - 1) * gap_sum * gap_sum)) AS gap_cv,
    safe_div(recency_days * gaps, gap_sum) AS overdue_ratio,
    safe_div(recency_days, gap_max) AS overdue_ratio_max,
    safe_div(gap_last * gaps, gap_sum) AS gap_last_ratio,
    safe_div(recency_days, tenure_days) AS silent_share,
    safe_div(30 * order_days, tenure_days) AS order_days_per_30
FROM summed
