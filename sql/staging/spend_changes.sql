-- Spend of W(30) against what is usual for the customer: median and spread of the windows
-- before. Twice the median is the sum of the two middle ones, so halves stay exact.
WITH before AS (
    SELECT
        customer_id,
        revenue,
        ROW_NUMBER() OVER (PARTITION BY customer_id ORDER BY revenue) AS low,
        COUNT(*) OVER (PARTITION BY customer_id) AS windows
    FROM spend_windows
    WHERE place > 0
),

middles AS (
    SELECT
        customer_id,
        windows,
        MIN(revenue) AS lowest,
        MAX(revenue) AS highest,
        CAST(0.5 * SUM(
            CASE WHEN 2 * low IN (windows, windows + 2) THEN 1 WHEN 2 * low = windows + 1 THEN 2 ELSE 0 END
            * revenue
        ) AS DECIMAL(38, 5)) AS median
    FROM before
    GROUP BY customer_id, windows
),

deviations AS (
    SELECT
        b.customer_id,
        b.windows,
        ABS(b.revenue - m.median) AS deviation,
        ROW_NUMBER() OVER (PARTITION BY b.customer_id ORDER BY ABS(b.revenue - m.median)) AS low
    FROM before AS b
    INNER JOIN middles AS m
        ON b.customer_id = m.customer_id
),

spreads AS (
    SELECT
        customer_id,
        CAST(0.5 * SUM(
            CASE WHEN 2 * low IN (windows, windows + 2) THEN 1 WHEN 2 * low = windows + 1 THEN 2 ELSE 0 END
            * deviation
        ) AS DECIMAL(38, 6)) AS mad,
        safe_div(SUM(deviation), MIN(windows)) AS mean_deviation
    FROM deviations
    GROUP BY customer_id
),

-- The spread is not below a share of the median: for a customer who always spends the same,
-- a cent less is no change.
measured AS (
    SELECT
        w.customer_id,
        CAST(m.windows AS INTEGER) AS windows,
        w.revenue AS revenue_30,
        m.lowest,
        m.highest,
        m.median,
        s.mad,
        s.mean_deviation,
        GREATEST(
            CASE WHEN s.mad > 0 THEN 1.4826 * CAST(s.mad AS DOUBLE) ELSE 1.253314 * s.mean_deviation END,
            1.4826 * (alert_spend_floor() * CAST(ABS(m.median) AS DOUBLE))
        ) AS spread
    FROM spend_windows AS w
    INNER JOIN middles AS m
        ON w.customer_id = m.customer_id
    INNER JOIN spreads AS s
        ON w.customer_id = s.customer_id
    WHERE w.place = 0
)

SELECT
    *,
    CASE WHEN revenue_30 = median THEN 0 ELSE safe_div(revenue_30 - median, spread) END AS z
FROM measured
