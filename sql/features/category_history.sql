-- What the customer had to do with the category before the lookback window.
WITH spent AS (
    SELECT
        customer_id,
        SUM(revenue) AS revenue,
        SUM(orders) AS orders
    FROM customer_categories
    GROUP BY customer_id
),

returned AS (
    SELECT
        customer_id,
        category,
        COUNT(*) AS category_returns
    FROM returns
    GROUP BY customer_id, category
)

SELECT
    p.customer_id,
    p.category,
    CASE WHEN b.orders > 0 THEN 1 ELSE 0 END AS bought_before,
    COALESCE(b.orders, 0) AS category_orders,
    CAST(COALESCE(b.units, 0) AS DOUBLE) AS category_units,
    CAST(COALESCE(b.revenue, 0) AS DOUBLE) AS category_spend,
    CASE WHEN s.revenue > 0 THEN safe_div(COALESCE(b.revenue, 0), s.revenue) END AS category_spend_share,
    safe_div(COALESCE(b.orders, 0), s.orders) AS category_order_share,
    if_known(b.orders_365, h.started_on, 365) AS category_orders_365,
    if_known(b.orders_season, h.started_on, 365) AS category_orders_season,
    age_days(b.last_on) AS days_since_category,
    age_days(b.first_on) AS days_since_category_first,
    safe_div(age_days(b.last_on) * (b.order_days - 1), age_days(b.first_on) - age_days(b.last_on))
        AS category_overdue_ratio,
    if_known(r.category_returns, i.returns_since, 0) AS category_returns
FROM cross_sell_pairs AS p
CROSS JOIN history AS h
CROSS JOIN interaction_history AS i
INNER JOIN spent AS s
    ON p.customer_id = s.customer_id
LEFT JOIN customer_categories AS b
    ON p.customer_id = b.customer_id AND p.category = b.category
LEFT JOIN returned AS r
    ON p.customer_id = r.customer_id AND p.category = r.category
