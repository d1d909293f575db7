-- Who could be worth much more: not in the best tier, and in the top decile by potential.
WITH known AS (
    SELECT
        customer_id,
        potential_value,
        ROW_NUMBER() OVER (ORDER BY potential_value DESC, customer_id) AS place,
        COUNT(*) OVER () AS customers
    FROM customer_value
    WHERE potential_value > 0
)

SELECT
    as_of() AS as_of,
    v.customer_id,
    v.current_value,
    v.potential_value,
    k.place AS potential_rank,
    t.three_tier,
    CASE
        WHEN v.potential_value IS NOT NULL
            THEN t.three_tier <> 'best'
                AND COALESCE(k.place - 1 < high_potential_share() * k.customers, FALSE)
    END AS is_high_potential
FROM customer_value AS v
INNER JOIN value_tiers AS t
    ON v.customer_id = t.customer_id
LEFT JOIN known AS k
    ON v.customer_id = k.customer_id
