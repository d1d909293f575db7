-- Does the category's price level fit the customer's?
WITH sold AS (
    SELECT
        category,
        SUM(revenue) AS revenue,
        SUM(quantity) AS units,
        COUNT(DISTINCT product_id) AS category_products
    FROM order_lines
    WHERE ordered_at >= days_ago(lookback_days())
    GROUP BY category
),

paid AS (
    SELECT
        customer_id,
        SUM(revenue) AS revenue,
        SUM(units) AS units
    FROM customer_orders
    GROUP BY customer_id
),

priced AS (
    SELECT
        p.customer_id,
        p.category,
        s.category_products,
        CASE WHEN s.revenue > 0 AND s.units > 0 THEN safe_div(s.revenue, s.units) END
            AS category_price,
        CASE WHEN c.revenue > 0 AND c.units > 0 THEN safe_div(c.revenue, c.units) END
            AS customer_price
    FROM cross_sell_pairs AS p
    LEFT JOIN sold AS s
        ON p.category = s.category
    LEFT JOIN paid AS c
        ON p.customer_id = c.customer_id
)

SELECT
    customer_id,
    category,
    category_products,
    category_price,
    category_price / customer_price AS price_ratio,
    GREATEST(category_price, customer_price) / LEAST(category_price, customer_price) AS price_misfit
FROM priced
