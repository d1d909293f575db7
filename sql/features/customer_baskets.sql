-- What an order of the customer looks like: size, price level, discounts.
WITH ordered AS (
    SELECT
        *,
        ROW_NUMBER() OVER (
            PARTITION BY customer_id ORDER BY ordered_at DESC, order_id DESC
        ) AS place
    FROM customer_orders
),

summed AS (
    SELECT
        customer_id,
        COUNT(*) AS orders,
        SUM(revenue) AS revenue,
        MIN(revenue) AS revenue_min,
        MAX(revenue) AS revenue_max,
        MAX(CASE WHEN place = 1 THEN revenue END) AS revenue_last,
        COUNT(*) FILTER (WHERE ordered_at >= days_ago(180)) AS orders_180,
        SUM(revenue) FILTER (WHERE ordered_at >= days_ago(180)) AS revenue_180,
        SUM(units) AS units,
        SUM(lines) AS lines,
        SUM(products) AS products,
        SUM(gross) AS gross,
        SUM(discount) AS discount,
        COUNT(*) FILTER (WHERE discount > 0) AS discounted,
        COUNT(*) FILTER (WHERE lines = 1) AS single_lines
    FROM ordered
    GROUP BY customer_id
)

SELECT
    customer_id,
    safe_div(revenue, orders) AS basket_mean,
    CAST(revenue_min AS DOUBLE) AS basket_min,
    CAST(revenue_max AS DOUBLE) AS basket_max,
    CAST(revenue_last AS DOUBLE) AS basket_last,
    safe_div(revenue_last * orders, revenue) AS basket_last_ratio,
    safe_div(revenue_max * orders, revenue) AS basket_max_ratio,
    safe_div(safe_div(revenue_180, orders_180), safe_div(revenue, orders)) AS basket_180_ratio,
    safe_div(units, orders) AS basket_units,
    safe_div(lines, orders) AS basket_lines,
    safe_div(products, orders) AS basket_products,
    safe_div(single_lines, orders) AS single_line_share,
    safe_div(revenue, units) AS unit_price_mean,
    safe_div(discount, gross) AS discount_share,
    safe_div(discounted, orders) AS discounted_orders_share
FROM summed
