-- How loyal each customer is: F = G(a, b, c, d), logistic in log(1 + x), with coefficients
-- fitted on the company's own past and never negative, so more of anything never lowers F.
WITH g AS (
    SELECT
        MAX(CASE WHEN term = 'intercept' THEN coefficient END) AS intercept,
        MAX(CASE WHEN term = 'orders' THEN coefficient END) AS orders,
        MAX(CASE WHEN term = 'products' THEN coefficient END) AS products,
        MAX(CASE WHEN term = 'units' THEN coefficient END) AS units,
        MAX(CASE WHEN term = 'revenue' THEN coefficient END) AS revenue
    FROM loyalty_coefficients
),

scored AS (
    SELECT
        i.*,
        1 / (1 + EXP(-(
            g.intercept
            + g.orders * LN(1 + i.orders_per_year)
            + g.products * LN(1 + i.products_per_year)
            + g.units * LN(1 + i.units_per_year)
            + g.revenue * LN(1 + i.revenue_per_year)
        ))) AS loyalty_index
    FROM loyalty_inputs AS i
    CROSS JOIN g
)

SELECT
    as_of() AS as_of,
    customer_id,
    orders_per_year,
    products_per_year,
    units_per_year,
    revenue_per_year,
    loyalty_index,
    loyalty_index >= loyalty_threshold() AS loyal
FROM scored
