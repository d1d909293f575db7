-- The profit and the purchase class of each customer of the year: customers sorted, best
-- first, and cut so that each class brings the same part of the total.
WITH earned AS (
    SELECT
        customer_id,
        CAST(margin_365 AS DECIMAL(38, 2)) AS margin_365,
        CAST(revenue_365 AS DECIMAL(38, 2)) AS revenue_365
    FROM customer_sales
    WHERE in_year
),

cumulated AS (
    SELECT
        *,
        SUM(margin_365) OVER () AS margin_total,
        SUM(revenue_365) OVER () AS revenue_total,
        SUM(margin_365) OVER (
            ORDER BY margin_365 DESC, customer_id ROWS UNBOUNDED PRECEDING
        ) - margin_365 AS margin_before,
        SUM(revenue_365) OVER (
            ORDER BY revenue_365 DESC, customer_id ROWS UNBOUNDED PRECEDING
        ) - revenue_365 AS revenue_before
    FROM earned
)

SELECT
    as_of() AS as_of,
    customer_id,
    margin_365,
    revenue_365,
    CASE
        WHEN margin_total > 0
            THEN CAST(LEAST(
                whole_parts(margin_before, margin_total, class_count()) + 1, class_count()
            ) AS INTEGER)
    END AS profit_class,
    CASE
        WHEN revenue_total > 0
            THEN CAST(LEAST(
                whole_parts(revenue_before, revenue_total, class_count()) + 1, class_count()
            ) AS INTEGER)
    END AS purchase_class
FROM cumulated
