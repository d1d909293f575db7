-- What the customer looks at. NULL when browsing was not recorded for that long.
WITH counted AS (
    SELECT
        customer_id,
        COUNT(*) FILTER (WHERE kind = 'visit' AND occurred_at >= days_ago(7)) AS visits_7,
        COUNT(*) FILTER (WHERE kind = 'visit' AND occurred_at >= days_ago(30)) AS visits_30,
        COUNT(*) FILTER (WHERE kind = 'visit' AND occurred_at >= days_ago(90)) AS visits_90,
        COUNT(*) FILTER (WHERE kind = 'view' AND occurred_at >= days_ago(30)) AS views_30,
        COUNT(*) FILTER (WHERE kind = 'view' AND occurred_at >= days_ago(90)) AS views_90,
        COUNT(*) FILTER (WHERE kind = 'cart' AND occurred_at >= days_ago(30)) AS carts_30,
        COUNT(*) FILTER (WHERE kind = 'cart' AND occurred_at >= days_ago(90)) AS carts_90,
        COUNT(*) FILTER (WHERE kind = 'search' AND occurred_at >= days_ago(30)) AS searches_30,
        COUNT(*) FILTER (WHERE kind = 'search' AND occurred_at >= days_ago(90)) AS searches_90,
        COUNT(*) FILTER (WHERE kind = 'store_visit' AND occurred_at >= days_ago(90)) AS store_visits_90,
        COUNT(DISTINCT CAST(occurred_at AS DATE)) FILTER (
            WHERE occurred_at >= days_ago(30)
        ) AS browsing_days_30,
        MIN(age_days(occurred_at)) AS days_since_browsing,
        MIN(age_days(occurred_at)) FILTER (WHERE kind = 'visit') AS days_since_visit,
        MIN(age_days(occurred_at)) FILTER (WHERE kind = 'view') AS days_since_view,
        MIN(age_days(occurred_at)) FILTER (WHERE kind = 'cart') AS days_since_cart,
        MIN(age_days(occurred_at)) FILTER (WHERE kind = 'search') AS days_since_search,
        MIN(age_days(occurred_at)) FILTER (WHERE kind = 'store_visit') AS days_since_store_visit
    FROM interactions
    WHERE kind IN ('visit', 'view', 'cart', 'search', 'store_visit')
    GROUP BY customer_id
)

SELECT
    p.customer_id,
    if_known(c.visits_7, h.browsing_since, 7) AS visits_7,
    if_known(c.visits_30, h.browsing_since, 30) AS visits_30,
    if_known(c.visits_90, h.browsing_since, 90) AS visits_90,
    if_known(c.views_30, h.browsing_since, 30) AS views_30,
    if_known(c.views_90, h.browsing_since, 90) AS views_90,
    if_known(c.carts_30, h.browsing_since, 30) AS carts_30,
    if_known(c.carts_90, h.browsing_since, 90) AS carts_90,
    if_known(c.searches_30, h.browsing_since, 30) AS searches_30,
    if_known(c.searches_90, h.browsing_since, 90) AS searches_90,
    if_known(c.store_visits_90, h.browsing_since, 90) AS store_visits_90,
    if_known(c.browsing_days_30, h.browsing_since, 30) AS browsing_days_30,
    safe_div(COALESCE(c.visits_30, 0), if_known(c.visits_90, h.browsing_since, 90)) AS visits_30_of_90,
    safe_div(COALESCE(c.views_30, 0), if_known(c.views_90, h.browsing_since, 90)) AS views_30_of_90,
    c.days_since_browsing,
    c.days_since_visit,
    c.days_since_view,
    c.days_since_cart,
    c.days_since_search,
    c.days_since_store_visit
FROM population AS p
CROSS JOIN interaction_history AS h
LEFT JOIN counted AS c
    ON p.customer_id = c.customer_id
