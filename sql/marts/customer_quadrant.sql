-- What to do with a customer: best or not, loyal or not.
SELECT
    as_of() AS as_of,
    t.customer_id,
    t.three_tier,
    t.three_tier IN ('best', 'second') AS is_best,
    l.loyalty_index,
    l.loyal,
    CASE
        WHEN l.loyal IS NULL THEN NULL
        WHEN t.three_tier IN ('best', 'second') THEN CASE WHEN l.loyal THEN 'protect' ELSE 'win' END
        ELSE CASE WHEN l.loyal THEN 'grow' ELSE 'serve' END
    END AS quadrant
FROM value_tiers AS t
LEFT JOIN customer_loyalty AS l
    ON t.customer_id = l.customer_id
