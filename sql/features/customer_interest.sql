-- What the customer wants and has not bought: products looked at or put into the cart in the last
-- 30 days and not ordered at that time or since, and how many visits it takes to an order.
WITH wanted AS (
    SELECT
        customer_id,
        product_id,
        MIN(occurred_at) AS since,
        BOOL_OR(kind = 'cart') AS in_cart
    FROM interactions
    WHERE kind IN ('view', 'cart')
        AND product_id IS NOT NULL
        AND occurred_at >= days_ago(30)
    GROUP BY customer_id, product_id
),

ordered AS (
    SELECT
        customer_id,
        product_id,
        MAX(ordered_at) AS ordered_at
    FROM order_lines
    WHERE ordered_at >= days_ago(30)
    GROUP BY customer_id, product_id
),

unbought AS (
    SELECT
        w.customer_id,
        COUNT(*) AS products,
        COUNT(*) FILTER (WHERE o.ordered_at IS NULL) AS unbought,
        COUNT(*) FILTER (WHERE w.in_cart AND o.ordered_at IS NULL) AS carts_unbought
    FROM wanted AS w
    LEFT JOIN ordered AS o
        ON w.customer_id = o.customer_id AND w.product_id = o.product_id AND w.since <= o.ordered_at
    GROUP BY w.customer_id
),

visited AS (
    SELECT
        customer_id,
        COUNT(DISTINCT CAST(occurred_at AS DATE)) AS days
    FROM interactions
    WHERE kind IN ('visit', 'store_visit') AND occurred_at >= days_ago(90)
    GROUP BY customer_id
),

came AS (
    SELECT
        customer_id,
        COUNT(*) AS order_days
    FROM order_gaps
    WHERE age <= 90
    GROUP BY customer_id
)

SELECT
    p.customer_id,
    if_known(u.products, h.browsing_since, 30) AS products_viewed_30,
    if_known(u.unbought, h.browsing_since, 30) AS products_unbought_30,
    if_known(u.carts_unbought, h.browsing_since, 30) AS carts_unbought_30,
    safe_div(if_known(v.days, h.browsing_since, 90), c.order_days) AS visit_days_per_order_day_90
FROM population AS p
CROSS JOIN interaction_history AS h
LEFT JOIN unbought AS u
    ON p.customer_id = u.customer_id
LEFT JOIN visited AS v
    ON p.customer_id = v.customer_id
LEFT JOIN came AS c
    ON p.customer_id = c.customer_id
