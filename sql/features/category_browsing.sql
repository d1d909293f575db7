-- Does the customer already look at the category? NULL when browsing was not recorded that long.
WITH looked AS (
    SELECT
        i.customer_id,
        COALESCE(c.category, i.category) AS category,
        i.kind,
        i.occurred_at
    FROM interactions AS i
    LEFT JOIN product_categories AS c
        ON i.product_id = c.product_id
    WHERE i.kind IN ('view', 'cart', 'search')
),

counted AS (
    SELECT
        customer_id,
        category,
        COUNT(*) FILTER (WHERE kind <> 'cart' AND occurred_at >= days_ago(30)) AS views_30,
        COUNT(*) FILTER (WHERE kind <> 'cart' AND occurred_at >= days_ago(90)) AS views_90,
        COUNT(*) FILTER (WHERE kind = 'cart' AND occurred_at >= days_ago(30)) AS carts_30,
        COUNT(*) FILTER (WHERE kind = 'cart' AND occurred_at >= days_ago(90)) AS carts_90,
        MIN(age_days(occurred_at)) AS days_since_view
    FROM looked
    GROUP BY customer_id, category
)

SELECT
    p.customer_id,
    p.category,
    if_known(c.views_30, h.browsing_since, 30) AS category_views_30,
    if_known(c.views_90, h.browsing_since, 90) AS category_views_90,
    if_known(c.carts_30, h.browsing_since, 30) AS category_carts_30,
    if_known(c.carts_90, h.browsing_since, 90) AS category_carts_90,
    c.days_since_view AS days_since_category_view
FROM cross_sell_pairs AS p
CROSS JOIN interaction_history AS h
LEFT JOIN counted AS c
    ON p.customer_id = c.customer_id AND p.category = c.category
