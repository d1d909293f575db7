-- How many customers it takes to bring each part of the margin: the profit classes as a table.
WITH classes AS (
    SELECT CAST(class AS INTEGER) AS class
    FROM generate_series(1, class_count()) AS g(class)
),

counted AS (
    SELECT
        profit_class AS class,
        COUNT(*) AS customers,
        SUM(margin_365) AS margin,
        MIN(margin_365) AS lowest,
        MAX(margin_365) AS highest
    FROM customer_classes
    GROUP BY profit_class
),

filled AS (
    SELECT
        c.class,
        COALESCE(n.customers, 0) AS customers,
        COALESCE(n.margin, 0) AS margin,
        n.lowest,
        n.highest
    FROM classes AS c
    LEFT JOIN counted AS n
        ON c.class = n.class
),

cumulated AS (
    SELECT
        *,
        SUM(customers) OVER () AS all_customers,
        SUM(margin) OVER () AS all_margin,
        SUM(customers) OVER (ORDER BY class) AS customers_to,
        SUM(margin) OVER (ORDER BY class) AS margin_to
    FROM filled
)

SELECT
    as_of() AS as_of,
    class,
    CAST(customers AS BIGINT) AS customers,
    safe_div(customers, all_customers) AS customer_share,
    CAST(customers_to AS BIGINT) AS cumulated_customers,
    safe_div(customers_to, all_customers) AS cumulated_customer_share,
    CAST(margin AS DECIMAL(38, 2)) AS margin,
    safe_div(margin, all_margin) AS margin_share,
    safe_div(margin_to, all_margin) AS cumulated_margin_share,
    lowest AS lowest_margin,
    highest AS highest_margin
FROM cumulated
