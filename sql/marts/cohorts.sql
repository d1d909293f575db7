-- Customers by the month of their first order: who still orders, and what they brought so far.
WITH firsts AS (
    SELECT
        customer_id,
        CAST(DATE_TRUNC('month', day) AS DATE) AS cohort,
        12 * EXTRACT(YEAR FROM day) + EXTRACT(MONTH FROM day) AS month_number
    FROM customer_days
    WHERE order_day = 1
),

-- What came back before the first order that is known counts in its month.
by_customer AS (
    SELECT
        f.cohort,
        d.customer_id,
        CAST(GREATEST(
            0, 12 * EXTRACT(YEAR FROM d.day) + EXTRACT(MONTH FROM d.day) - f.month_number
        ) AS INTEGER) AS months_since,
        COUNT(d.order_day) AS order_days,
        SUM(d.margin) AS margin
    FROM customer_days AS d
    INNER JOIN firsts AS f
        ON d.customer_id = f.customer_id
    GROUP BY f.cohort, d.customer_id, months_since
),

by_month AS (
    SELECT
        cohort,
        months_since,
        COUNT(*) FILTER (WHERE order_days > 0) AS ordering_customers,
        SUM(margin) AS margin
    FROM by_customer
    GROUP BY cohort, months_since
),

sizes AS (
    SELECT cohort, month_number, COUNT(*) AS customers
    FROM firsts
    GROUP BY cohort, month_number
),

last_months AS (
    SELECT
        12 * EXTRACT(YEAR FROM days_ago(1)) + EXTRACT(MONTH FROM days_ago(1)) AS seen,
        12 * EXTRACT(YEAR FROM as_of()) + EXTRACT(MONTH FROM as_of()) AS under_way
),

spine AS (
    SELECT
        s.cohort,
        s.customers,
        CAST(n.months_since AS INTEGER) AS months_since,
        s.month_number + n.months_since < l.under_way AS is_complete
    FROM sizes AS s
    CROSS JOIN last_months AS l
    CROSS JOIN generate_series(0, 12 * 300) AS n(months_since)
    WHERE s.month_number + n.months_since <= l.seen
)

SELECT
    as_of() AS as_of,
    s.cohort,
    s.months_since,
    s.is_complete,
    s.customers,
    COALESCE(m.ordering_customers, 0) AS ordering_customers,
    safe_div(COALESCE(m.ordering_customers, 0), s.customers) AS retention,
    CAST(COALESCE(m.margin, 0) AS DECIMAL(38, 4)) AS margin,
    CAST(SUM(COALESCE(m.margin, 0)) OVER (
        PARTITION BY s.cohort ORDER BY s.months_since ROWS UNBOUNDED PRECEDING
    ) AS DECIMAL(38, 4)) AS cumulated_margin,
    safe_div(SUM(COALESCE(m.margin, 0)) OVER (
        PARTITION BY s.cohort ORDER BY s.months_since ROWS UNBOUNDED PRECEDING
    ), s.customers) AS cumulated_margin_per_customer
FROM spine AS s
LEFT JOIN by_month AS m
    ON s.cohort = m.cohort AND s.months_since = m.months_since
