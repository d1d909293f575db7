-- What customers who own the same categories have bought since (see category_followers): of all
-- who owned a category of this customer one horizon ago and not the offered one, how many bought
-- it in the horizon before the cutoff. Who shares two categories counts twice.
WITH followed AS (
    SELECT
        p.customer_id,
        p.category,
        SUM(f.followers) AS followers,
        SUM(f.non_owners) AS non_owners,
        MAX(f.follow_rate) AS rate_max,
        safe_div(SUM(f.follow_rate), COUNT(*)) AS rate_mean,
        safe_div(SUM(f.follow_rate * a.cosine), SUM(a.cosine)) AS rate_similar
    FROM cross_sell_pairs AS p
    INNER JOIN owned_categories AS o
        ON p.customer_id = o.customer_id
    INNER JOIN category_followers AS f
        ON o.category = f.owned AND p.category = f.offered
    INNER JOIN category_affinity AS a
        ON o.category = a.owned AND p.category = a.offered
    GROUP BY p.customer_id, p.category
)

SELECT
    p.customer_id,
    p.category,
    CAST(e.entry_rate AS DOUBLE) AS entry_rate,
    safe_div(f.followers, f.non_owners) AS neighbour_share,
    CAST(f.rate_max AS DOUBLE) AS follow_rate_max,
    f.rate_mean AS follow_rate_mean,
    f.rate_similar AS follow_rate_similar,
    safe_div(f.rate_mean, e.entry_rate) AS follow_lift_mean
FROM cross_sell_pairs AS p
INNER JOIN category_entrants AS e
    ON p.category = e.category
INNER JOIN history AS h
    ON if_known(1, h.started_on, 2 * horizon_days()) = 1
LEFT JOIN followed AS f
    ON p.customer_id = f.customer_id AND p.category = f.category
