-- Order lines with what they earned. A line is never dropped: no category is 'OTHER',
-- no cost (in the line, or in the product's master data as it stood then) is an
-- estimated margin.
WITH priced AS (
    SELECT
        o.order_id,
        o.line_id,
        o.customer_id,
        o.ordered_at,
        o.product_id,
        COALESCE(c.category, 'OTHER') AS category,
        o.quantity,
        o.unit_price,
        COALESCE(o.discount, 0) AS discount,
        COALESCE(o.unit_cost, v.unit_cost) AS unit_cost,
        CAST(CAST(o.quantity AS DECIMAL(38, 3)) * o.unit_price AS DECIMAL(38, 4)) AS gross,
        CAST(
            CAST(o.quantity AS DECIMAL(38, 3)) * COALESCE(o.unit_cost, v.unit_cost) AS DECIMAL(38, 4)
        ) AS cost
    FROM orders AS o
    LEFT JOIN product_categories AS c
        ON o.product_id = c.product_id
    LEFT JOIN product_versions AS v
        ON
            o.product_id = v.product_id
            AND o.ordered_at >= v.recorded_at
            AND (o.ordered_at < v.replaced_at OR v.replaced_at IS NULL)
),

earned AS (
    SELECT
        *,
        CAST(gross - discount AS DECIMAL(38, 4)) AS revenue
    FROM priced
)

SELECT
    order_id,
    line_id,
    customer_id,
    ordered_at,
    product_id,
    category,
    quantity,
    unit_price,
    discount,
    gross,
    revenue,
    CASE
        WHEN unit_cost IS NOT NULL THEN CAST(revenue - cost AS DECIMAL(38, 4))
        ELSE CAST(revenue * default_margin_rate() AS DECIMAL(38, 4))
    END AS margin,
    unit_cost IS NULL AS margin_is_estimated
FROM earned
