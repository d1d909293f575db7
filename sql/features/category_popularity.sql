-- How many of the customers who order at all order the category, lately and a year ago.
-- Growth compares the shares of two windows side by side, smoothed (5 buyers, 50 customers)
-- so that small categories do not jump.
WITH rated AS (
    SELECT
        d.category,
        safe_div(d.owners, d.customers) AS owner_share,
        RANK() OVER (ORDER BY d.owners DESC) AS popularity_rank,
        safe_div(if_known(d.buyers_30, h.started_on, 30), d.customers_30) AS popularity_30,
        safe_div(if_known(d.buyers_90, h.started_on, 90), d.customers_90) AS popularity_90,
        safe_div(if_known(d.buyers_last_year, h.started_on, 365), d.customers_last_year)
            AS popularity_last_year,
        safe_div(if_known(d.buyers_year_ago_90, h.started_on, 455), d.customers_year_ago_90)
            AS popularity_90_year_ago,
        safe_div(d.buyers_90 + 5, d.customers_90 + 50)
            / safe_div(if_known(d.buyers_year_ago_90, h.started_on, 455) + 5, d.customers_year_ago_90 + 50)
            AS popularity_growth_year,
        safe_div(d.buyers_30 + 5, d.customers_30 + 50)
            / safe_div(if_known(d.buyers_prior_30, h.started_on, 60) + 5, d.customers_prior_30 + 50)
            AS popularity_growth_30,
        safe_div(d.buyers_90 + 5, d.customers_90 + 50)
            / safe_div(if_known(d.buyers_prior_90, h.started_on, 180) + 5, d.customers_prior_90 + 50)
            AS popularity_growth_90
    FROM category_demand AS d
    CROSS JOIN history AS h
)

SELECT
    p.customer_id,
    p.category,
    r.owner_share,
    r.popularity_rank,
    r.popularity_30,
    r.popularity_90,
    r.popularity_last_year,
    r.popularity_90_year_ago,
    r.popularity_growth_year,
    r.popularity_growth_30,
    r.popularity_growth_90,
    r.popularity_30 / NULLIF(r.owner_share, 0) AS popularity_surge_30,
    r.popularity_90 / NULLIF(r.owner_share, 0) AS popularity_surge_90
FROM cross_sell_pairs AS p
INNER JOIN rated AS r
    ON p.category = r.category
