-- Do those who buy the category come back for it, and keep it? Over all orders before the cutoff.
WITH bought AS (
    SELECT
        category,
        COUNT(*) AS buyers,
        COUNT(*) FILTER (WHERE order_days > 1) AS repeat_buyers,
        SUM(order_days - 1) AS gaps,
        SUM(age_days(first_on) - age_days(last_on)) AS gap_days,
        SUM(orders) AS orders,
        SUM(revenue) AS revenue
    FROM customer_categories
    GROUP BY category
),

sent_back AS (
    SELECT
        category,
        SUM(amount) AS amount
    FROM returns
    GROUP BY category
),

started AS (
    SELECT
        customer_id,
        MIN(first_on) AS first_on
    FROM customer_categories
    GROUP BY customer_id
),

starters AS (
    SELECT
        c.category,
        COUNT(*) AS customers
    FROM customer_categories AS c
    INNER JOIN started AS s
        ON c.customer_id = s.customer_id AND c.first_on = s.first_on
    GROUP BY c.category
),

rated AS (
    SELECT
        b.category,
        safe_div(b.repeat_buyers, b.buyers) AS repeat_rate,
        safe_div(b.orders, b.buyers) AS orders_per_buyer,
        safe_div(b.gap_days, b.gaps) AS gap_days,
        safe_div(s.customers, b.buyers) AS starter_share,
        CASE WHEN b.revenue > 0 THEN safe_div(if_known(r.amount, i.returns_since, 0), b.revenue) END
            AS returned_share
    FROM bought AS b
    CROSS JOIN interaction_history AS i
    LEFT JOIN sent_back AS r
        ON b.category = r.category
    LEFT JOIN starters AS s
        ON b.category = s.category
)

SELECT
    p.customer_id,
    p.category,
    r.repeat_rate AS category_repeat_rate,
    r.orders_per_buyer AS category_orders_per_buyer,
    r.gap_days AS category_gap_days,
    COALESCE(r.starter_share, 0) AS category_starter_share,
    r.returned_share AS category_returned_share
FROM cross_sell_pairs AS p
INNER JOIN rated AS r
    ON p.category = r.category
