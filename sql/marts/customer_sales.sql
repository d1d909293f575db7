-- What each customer bought and earned us, ever and in the last 365 days.
SELECT
    as_of() AS as_of,
    customer_id,
    first_order_on,
    last_order_on,
    orders_all,
    orders_365,
    in_year,
    CAST(units_365 AS DECIMAL(38, 3)) AS units_365,
    CAST(discount_365 AS DECIMAL(38, 4)) AS discount_365,
    CAST(revenue_all AS DECIMAL(38, 4)) AS revenue_all,
    CAST(revenue_365 AS DECIMAL(38, 4)) AS revenue_365,
    CAST(margin_all AS DECIMAL(38, 4)) AS margin_all,
    CAST(margin_365 AS DECIMAL(38, 4)) AS margin_365
FROM customer_totals
