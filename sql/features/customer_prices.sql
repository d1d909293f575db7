-- At what price level the customer buys, what that earns, and whether it takes a discount.
WITH category_prices AS (
    SELECT
        category,
        CASE WHEN SUM(revenue) > 0 AND SUM(quantity) > 0
            THEN CAST(safe_div(SUM(revenue), SUM(quantity)) AS DECIMAL(38, 4)) END AS price
    FROM order_lines
    GROUP BY category
),

summed AS (
    SELECT
        l.customer_id,
        SUM(l.revenue) AS revenue,
        SUM(l.margin) AS margin,
        SUM(l.revenue) FILTER (WHERE l.margin_is_estimated) AS revenue_estimated,
        SUM(l.margin) FILTER (WHERE l.ordered_at >= days_ago(365)) AS margin_365,
        SUM(l.revenue) FILTER (WHERE l.ordered_at >= days_ago(180)) AS revenue_180,
        SUM(l.quantity) AS units,
        SUM(l.quantity) FILTER (WHERE l.ordered_at >= days_ago(180)) AS units_180,
        MAX(l.unit_price) AS unit_price_max,
        SUM(l.gross) FILTER (WHERE l.ordered_at >= days_ago(180)) AS gross_180,
        SUM(l.discount) FILTER (WHERE l.ordered_at >= days_ago(180)) AS discount_180,
        MIN(age_days(l.ordered_at)) FILTER (WHERE l.discount > 0) AS days_since_discount,
        SUM(l.revenue) FILTER (WHERE l.discount > 0) AS revenue_discounted,
        SUM(l.revenue) FILTER (WHERE c.price IS NOT NULL) AS revenue_priced,
        SUM(CAST(l.quantity * c.price AS DECIMAL(38, 4))) AS revenue_usual
    FROM order_lines AS l
    INNER JOIN category_prices AS c
        ON l.category = c.category
    GROUP BY l.customer_id
)

SELECT
    s.customer_id,
    CAST(s.margin AS DOUBLE) AS margin_all,
    CAST(if_known(s.margin_365, h.started_on, 365) AS DOUBLE) AS margin_365,
    CASE WHEN s.revenue > 0 THEN safe_div(s.margin, s.revenue) END AS margin_rate,
    CASE WHEN s.revenue > 0 THEN safe_div(COALESCE(s.revenue_estimated, 0), s.revenue) END
        AS margin_estimated_share,
    CAST(s.unit_price_max AS DOUBLE) AS unit_price_max,
    CASE WHEN s.revenue > 0 AND s.units > 0
        THEN safe_div(safe_div(s.revenue_180, s.units_180), safe_div(s.revenue, s.units)) END
        AS unit_price_180_ratio,
    CASE WHEN s.revenue_usual > 0 THEN safe_div(s.revenue_priced, s.revenue_usual) END AS price_index,
    safe_div(s.discount_180, if_known(s.gross_180, h.started_on, 180)) AS discount_share_180,
    CASE WHEN s.revenue > 0 THEN safe_div(COALESCE(s.revenue_discounted, 0), s.revenue) END
        AS discounted_spend_share,
    s.days_since_discount
FROM summed AS s
CROSS JOIN history AS h
