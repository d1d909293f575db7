-- What to offer each active customer, best first, and what it could bring.
SELECT
    as_of() AS as_of,
    s.customer_id,
    s.category,
    s.probability,
    s.raw_probability,
    ROW_NUMBER() OVER (
        PARTITION BY s.customer_id ORDER BY s.probability DESC, s.raw_probability DESC, s.category
    ) AS rank,
    CAST(m.first_year_margin AS DECIMAL(38, 2)) AS first_year_margin,
    m.is_full_year AS margin_is_full_year,
    CAST(s.probability * CAST(m.first_year_margin AS DOUBLE) AS DECIMAL(38, 2)) AS expected_margin,
    s.reason_1,
    s.reason_2,
    s.reason_3,
    s.model_version
FROM cross_sell_predictions AS s
LEFT JOIN price_tiers AS t
    ON s.customer_id = t.customer_id
LEFT JOIN category_margins AS m
    ON s.category = m.category AND t.price_tier = m.price_tier
