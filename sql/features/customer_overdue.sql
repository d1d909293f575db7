-- When is the next order due, and how late is it? The typical gap leans on everyone's mean, as if
-- two more gaps of that length had been seen, so that it is there for customers with one order.
WITH everyone AS (
    SELECT safe_div(SUM(gap), COUNT(gap)) AS gap_mean
    FROM order_gaps
),

recency AS (
    SELECT
        customer_id,
        MIN(age) AS recency_days
    FROM order_gaps
    GROUP BY customer_id
),

summed AS (
    SELECT
        g.customer_id,
        r.recency_days,
        COUNT(g.gap) AS gaps,
        SUM(g.gap) AS gap_sum,
        SUM(CAST(g.gap AS BIGINT) * g.gap) AS gap_squares,
        COUNT(*) FILTER (WHERE g.gap >= r.recency_days) AS gaps_longer,
        PERCENTILE_DISC(0.5) WITHIN GROUP (ORDER BY g.gap) AS gap_median
    FROM order_gaps AS g
    INNER JOIN recency AS r
        ON g.customer_id = r.customer_id
    GROUP BY g.customer_id, r.recency_days
),

measured AS (
    SELECT
        s.*,
        safe_div(s.gap_sum, s.gaps) AS gap_mean,
        SQRT(safe_div(s.gaps * s.gap_squares - s.gap_sum * s.gap_sum, s.gaps * (s.gaps - 1))) AS gap_sd,
        (COALESCE(s.gap_sum, 0) + 2 * e.gap_mean) / (s.gaps + 2) AS gap_typical
    FROM summed AS s
    CROSS JOIN everyone AS e
)

SELECT
    customer_id,
    gap_median AS gap_median_days,
    gap_typical AS gap_typical_days,
    recency_days / gap_typical AS overdue_ratio_typical,
    safe_div(recency_days, gap_median) AS overdue_ratio_median,
    recency_days - gap_mean AS days_overdue,
    safe_div(recency_days - gap_mean, gap_sd) AS overdue_deviations,
    safe_div(gaps_longer + 1, gaps + 2) AS gaps_longer_share,
    safe_div(horizon_days(), gap_typical) AS orders_due,
    CAST(days_ago(recency_days - ROUND(gap_typical)) AS DATE) AS next_order_on
FROM measured
