-- What customers sent back, with the margin that went with it. A return that names its order
-- is valued by what was paid there for the product; else its margin is estimated with the rate
-- at which the product was sold, which is bounded: one odd line must not decide about all.
WITH sent_back AS (
    SELECT
        interaction_id,
        customer_id,
        occurred_at AS returned_at,
        order_id,
        product_id,
        category,
        ABS(quantity) AS units,
        CAST(ABS(amount) AS DECIMAL(38, 4)) AS amount
    FROM interactions
    WHERE kind = 'return'
),

paid AS (
    SELECT
        order_id,
        product_id,
        SUM(quantity) AS units,
        SUM(revenue) AS revenue,
        SUM(margin) AS margin
    FROM order_lines
    WHERE order_id IN (SELECT order_id FROM sent_back)
    GROUP BY order_id, product_id
    HAVING SUM(quantity) > 0 AND SUM(revenue) > 0
),

product_rates AS (
    SELECT
        product_id,
        GREATEST(-1, LEAST(1, safe_div(SUM(margin), SUM(revenue)))) AS margin_rate
    FROM order_lines
    GROUP BY product_id
    HAVING SUM(revenue) > 0
),

valued AS (
    SELECT
        r.* EXCLUDE (amount),
        o.revenue,
        o.margin,
        COALESCE(r.amount, CAST(
            CASE WHEN r.units < o.units THEN safe_div(r.units, o.units) WHEN r.units >= o.units THEN 1 END
            * CAST(o.revenue AS DOUBLE) AS DECIMAL(38, 4)
        )) AS amount
    FROM sent_back AS r
    LEFT JOIN paid AS o
        ON r.order_id = o.order_id AND r.product_id = o.product_id
)

SELECT
    v.interaction_id,
    v.customer_id,
    v.returned_at,
    v.order_id,
    v.product_id,
    COALESCE(c.category, v.category, 'OTHER') AS category,
    v.units,
    v.amount,
    CAST(
        CASE
            WHEN v.amount <= v.revenue
                THEN safe_div(CAST(v.amount AS DOUBLE) * CAST(v.margin AS DOUBLE), v.revenue)
            ELSE CAST(v.amount AS DOUBLE) * COALESCE(p.margin_rate, CAST(default_margin_rate() AS DOUBLE))
        END AS DECIMAL(38, 4)
    ) AS margin
FROM valued AS v
LEFT JOIN product_categories AS c
    ON v.product_id = c.product_id
LEFT JOIN product_rates AS p
    ON v.product_id = p.product_id
