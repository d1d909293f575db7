-- What each customer's first year with a category brought: margin of the category's lines in
-- the 365 days from the first one, less the margin of what was sent back in that time.
WITH first_bought AS (
    SELECT
        customer_id,
        category,
        MIN(CAST(ordered_at AS DATE)) AS first_on
    FROM order_lines
    GROUP BY customer_id, category
),

movements AS (
    SELECT
        customer_id,
        category,
        CAST(ordered_at AS DATE) AS moved_on,
        margin
    FROM order_lines
    UNION ALL
    SELECT
        customer_id,
        category,
        CAST(returned_at AS DATE) AS moved_on,
        CAST(-margin AS DECIMAL(38, 4)) AS margin
    FROM returns
)

SELECT
    f.customer_id,
    f.category,
    f.first_on,
    age_days(f.first_on) >= 365 AS is_complete,
    SUM(m.margin) AS margin
FROM first_bought AS f
INNER JOIN movements AS m
    ON f.customer_id = m.customer_id AND f.category = m.category
WHERE m.moved_on >= f.first_on
    AND age_days(f.first_on) - age_days(m.moved_on) < 365
GROUP BY f.customer_id, f.category, f.first_on
