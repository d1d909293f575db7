-- How content customers say they are. A complaint counts as one more rating, the lowest
-- that anyone ever gave: no scale has to be known for that.
WITH lowest AS (
    SELECT MIN(rating) AS rating
    FROM interactions
    WHERE rating IS NOT NULL AND kind <> 'complaint'
),

told AS (
    SELECT
        customer_id,
        COUNT(*) FILTER (WHERE kind <> 'complaint') AS reviews_365,
        COUNT(*) FILTER (WHERE kind = 'complaint') AS complaints_365,
        COALESCE(SUM(rating) FILTER (WHERE kind <> 'complaint'), 0) AS ratings
    FROM interactions
    WHERE (kind = 'complaint' OR rating IS NOT NULL)
        AND occurred_at >= days_ago(365)
    GROUP BY customer_id
)

SELECT
    t.customer_id,
    t.reviews_365,
    t.complaints_365,
    safe_div(t.ratings + t.complaints_365 * l.rating, t.reviews_365 + t.complaints_365) AS satisfaction
FROM told AS t
CROSS JOIN lowest AS l
