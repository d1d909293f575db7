-- What customers sent back, with the margin that went with it. The margin of a return is
-- estimated with the margin rate at which its product was sold.
WITH sent_back AS (
    SELECT
        interaction_id,
        customer_id,
        occurred_at AS returned_at,
        order_id,
        product_id,
        category,
        quantity AS units,
        CAST(amount AS DECIMAL(38, 4)) AS amount
    FROM interactions
    WHERE kind = 'return'
),

product_rates AS (
    SELECT
        product_id,
        safe_div(SUM(margin), SUM(revenue)) AS margin_rate
    FROM order_lines
    GROUP BY product_id
    HAVING SUM(revenue) > 0
)

SELECT
    r.interaction_id,
    r.customer_id,
    r.returned_at,
    r.order_id,
    r.product_id,
    COALESCE(c.category, r.category, 'OTHER') AS category,
    r.units,
    r.amount,
    CAST(
        CAST(r.amount AS DOUBLE) * COALESCE(p.margin_rate, CAST(default_margin_rate() AS DOUBLE))
        AS DECIMAL(38, 4)
    ) AS margin
FROM sent_back AS r
LEFT JOIN product_categories AS c
    ON r.product_id = c.product_id
LEFT JOIN product_rates AS p
    ON r.product_id = p.product_id
