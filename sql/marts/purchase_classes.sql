-- How many customers it takes to bring each part of the revenue: the purchase classes as a table.
WITH classes AS (
    SELECT CAST(class AS INTEGER) AS class
    FROM generate_series(1, class_count()) AS g(class)
),

counted AS (
    SELECT
        purchase_class AS class,
        COUNT(*) AS customers,
        SUM(revenue_365) AS revenue,
        MIN(revenue_365) AS lowest,
        MAX(revenue_365) AS highest
    FROM customer_classes
    GROUP BY purchase_class
),

filled AS (
    SELECT
        c.class,
        COALESCE(n.customers, 0) AS customers,
        COALESCE(n.revenue, 0) AS revenue,
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
        SUM(revenue) OVER () AS all_revenue,
        SUM(customers) OVER (ORDER BY class) AS customers_to,
        SUM(revenue) OVER (ORDER BY class) AS revenue_to
    FROM filled
)

SELECT
    as_of() AS as_of,
    class,
    CAST(customers AS BIGINT) AS customers,
    safe_div(customers, all_customers) AS customer_share,
    CAST(customers_to AS BIGINT) AS cumulated_customers,
    safe_div(customers_to, all_customers) AS cumulated_customer_share,
    CAST(revenue AS DECIMAL(38, 2)) AS revenue,
    safe_div(revenue, all_revenue) AS revenue_share,
    safe_div(revenue_to, all_revenue) AS cumulated_revenue_share,
    lowest AS lowest_revenue,
    highest AS highest_revenue
FROM cumulated
