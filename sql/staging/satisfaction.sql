-- How content customers say they are. A complaint counts as one more rating, the lowest of the
-- scale: it weighs whether or not anybody ever rated.
WITH told AS (
    SELECT
        customer_id,
        COUNT(*) FILTER (WHERE kind <> 'complaint') AS reviews,
        COUNT(*) FILTER (WHERE kind = 'complaint') AS complaints,
        COALESCE(SUM(rating) FILTER (WHERE kind <> 'complaint'), 0) AS ratings
    FROM interactions
    WHERE (kind = 'complaint' OR rating IS NOT NULL)
        AND occurred_at >= days_ago(365)
    GROUP BY customer_id
)

SELECT
    t.customer_id,
    if_known(t.reviews, h.ratings_since, 365) AS reviews_365,
    if_known(t.complaints, h.service_since, 365) AS complaints_365,
    safe_div(t.ratings + t.complaints * satisfaction_lowest(), t.reviews + t.complaints) AS satisfaction
FROM told AS t
CROSS JOIN interaction_history AS h
