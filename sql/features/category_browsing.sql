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
        COUNT(*) FILTER (WHERE kind <> 'cart' AND occurred_at >= days_ago(7)) AS views_7,
        COUNT(*) FILTER (WHERE kind <> 'cart' AND occurred_at >= days_ago(30)) AS views_30,
        COUNT(*) FILTER (WHERE kind <> 'cart' AND occurred_at >= days_ago(90)) AS views_90,
        COUNT(*) FILTER (WHERE kind = 'cart' AND occurred_at >= days_ago(30)) AS carts_30,
        COUNT(*) FILTER (WHERE kind = 'cart' AND occurred_at >= days_ago(90)) AS carts_90,
        MIN(age_days(occurred_at)) AS days_since_view,
        MIN(age_days(occurred_at)) FILTER (WHERE kind = 'cart') AS days_since_cart
    FROM looked
    GROUP BY customer_id, category
),

viewed AS (
    SELECT
        customer_id,
        SUM(views_90) AS views_90
    FROM counted
    GROUP BY customer_id
)

SELECT
    p.customer_id,
    p.category,
    if_known(c.views_7, h.browsing_since, 7) AS category_views_7,
    if_known(c.views_30, h.browsing_since, 30) AS category_views_30,
    if_known(c.views_90, h.browsing_since, 90) AS category_views_90,
    if_known(c.carts_30, h.browsing_since, 30) AS category_carts_30,
    if_known(c.carts_90, h.browsing_since, 90) AS category_carts_90,
    safe_div(COALESCE(c.views_90, 0), if_known(v.views_90, h.browsing_since, 90)) AS category_view_share_90,
    c.days_since_view AS days_since_category_view,
    c.days_since_cart AS days_since_category_cart
FROM cross_sell_pairs AS p
CROSS JOIN interaction_history AS h
LEFT JOIN counted AS c
    ON p.customer_id = c.customer_id AND p.category = c.category
LEFT JOIN viewed AS v
    ON p.customer_id = v.customer_id
