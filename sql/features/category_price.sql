-- Does the category's price level fit the customer's?
WITH sold AS (
    SELECT
        category,
        SUM(revenue) AS revenue,
        SUM(quantity) AS units,
        SUM(gross) AS gross,
        SUM(discount) AS discount,
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

-- Of the active customers in a price tier, how many own the category?
tiers AS (
    SELECT
        price_tier,
        COUNT(*) AS customers
    FROM price_tiers
    GROUP BY price_tier
),

tier_owners AS (
    SELECT
        t.price_tier,
        o.category,
        COUNT(*) AS owners
    FROM owned_categories AS o
    INNER JOIN price_tiers AS t
        ON o.customer_id = t.customer_id
    GROUP BY t.price_tier, o.category
),

priced AS (
    SELECT
        p.customer_id,
        p.category,
        s.category_products,
        CASE WHEN s.revenue > 0 AND s.units > 0 THEN safe_div(s.revenue, s.units) END
            AS category_price,
        CASE WHEN s.gross > 0 THEN safe_div(s.discount, s.gross) END AS category_discount_share,
        CASE WHEN c.revenue > 0 AND c.units > 0 THEN safe_div(c.revenue, c.units) END
            AS customer_price,
        safe_div(COALESCE(o.owners, 0), t.customers) AS tier_owner_share
    FROM cross_sell_pairs AS p
    INNER JOIN price_tiers AS y
        ON p.customer_id = y.customer_id
    INNER JOIN tiers AS t
        ON y.price_tier = t.price_tier
    LEFT JOIN tier_owners AS o
        ON y.price_tier = o.price_tier AND p.category = o.category
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
    category_discount_share,
    category_price / customer_price AS price_ratio,
    CASE WHEN category_price > customer_price THEN category_price / customer_price
        ELSE customer_price / category_price END AS price_misfit,
    tier_owner_share
FROM priced
