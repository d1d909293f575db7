-- What the customer looks at. NULL when browsing was not recorded for that long.
WITH counted AS (
    SELECT
        customer_id,
        COUNT(*) FILTER (WHERE kind = 'visit' AND occurred_at >= days_ago(30)) AS visits_30,
        COUNT(*) FILTER (WHERE kind = 'visit' AND occurred_at >= days_ago(90)) AS visits_90,
        COUNT(*) FILTER (WHERE kind = 'view' AND occurred_at >= days_ago(30)) AS views_30,
        COUNT(*) FILTER (WHERE kind = 'view' AND occurred_at >= days_ago(90)) AS views_90,
        COUNT(*) FILTER (WHERE kind = 'cart' AND occurred_at >= days_ago(30)) AS carts_30,
        COUNT(*) FILTER (WHERE kind = 'search' AND occurred_at >= days_ago(30)) AS searches_30,
        MIN(age_days(occurred_at)) AS days_since_browsing
    FROM interactions
    WHERE kind IN ('visit', 'view', 'cart', 'search', 'store_visit')
    GROUP BY customer_id
)

SELECT
    p.customer_id,
    if_known(c.visits_30, h.browsing_since, 30) AS visits_30,
    if_known(c.views_30, h.browsing_since, 30) AS views_30,
    if_known(c.carts_30, h.browsing_since, 30) AS carts_30,
    if_known(c.searches_30, h.browsing_since, 30) AS searches_30,
    if_known(c.views_90, h.browsing_since, 90) AS views_90,
    safe_div(
        COALESCE(c.visits_30, 0), if_known(c.visits_90, h.browsing_since, 90)
    ) AS visits_30_of_90,
    c.days_since_browsing
FROM population AS p
CROSS JOIN interaction_history AS h
LEFT JOIN counted AS c
    ON p.customer_id = c.customer_id
