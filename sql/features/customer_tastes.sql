-- How the customer's order lines spread over categories and products. Entropy in nats:
-- ln(N) - sum(n ln n) / N, with n ln n rounded to billionths, so that the sum is exact.
WITH per_category AS (
    SELECT
        customer_id,
        category,
        lines,
        revenue,
        last_on,
        CAST(ROUND(1000000000 * lines * LN(lines)) AS BIGINT) AS billionths,
        ROW_NUMBER() OVER (PARTITION BY customer_id ORDER BY lines DESC, category) AS place
    FROM customer_categories
),

tastes AS (
    SELECT
        customer_id,
        COUNT(*) AS categories,
        SUM(lines) AS lines,
        SUM(revenue) AS revenue,
        SUM(billionths) AS billionths,
        MAX(CASE WHEN place = 1 THEN category END) AS favourite_category,
        MAX(CASE WHEN place = 1 THEN lines END) AS favourite_lines,
        MAX(CASE WHEN place = 1 THEN revenue END) AS favourite_revenue,
        MAX(CASE WHEN place = 1 THEN age_days(last_on) END) AS days_since_favourite
    FROM per_category
    GROUP BY customer_id
),

measured AS (
    SELECT
        *,
        CASE WHEN categories = 1 THEN 0
            ELSE GREATEST(LN(lines) - safe_div(billionths, 1000000000 * lines), 0) END AS entropy
    FROM tastes
),

products AS (
    SELECT
        customer_id,
        MAX(lines) AS favourite_lines,
        COUNT(*) AS products,
        COUNT(*) FILTER (WHERE in_several_orders) AS repeated
    FROM customer_products
    GROUP BY customer_id
)

SELECT
    m.customer_id,
    m.favourite_category,
    m.entropy AS category_entropy,
    EXP(m.entropy) AS categories_effective,
    safe_div(m.favourite_lines, m.lines) AS favourite_share,
    CASE WHEN m.revenue > 0 THEN safe_div(m.favourite_revenue, m.revenue) END AS favourite_spend_share,
    m.days_since_favourite,
    safe_div(p.favourite_lines, m.lines) AS favourite_product_share,
    safe_div(p.repeated, p.products) AS products_again_share
FROM measured AS m
INNER JOIN products AS p
    ON m.customer_id = p.customer_id
