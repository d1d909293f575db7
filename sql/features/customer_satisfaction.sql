-- What the customer says of us in reviews. Scales differ between companies, so ratings are also
-- held against the mean of all.
WITH reviews AS (
    SELECT
        customer_id,
        CAST(rating AS DECIMAL(38, 3)) AS rating,
        occurred_at,
        ROW_NUMBER() OVER (
            PARTITION BY customer_id ORDER BY occurred_at DESC, interaction_id DESC
        ) AS place
    FROM interactions
    WHERE kind = 'review' AND rating IS NOT NULL
),

everyone AS (
    SELECT safe_div(SUM(rating), COUNT(*)) AS rating_mean
    FROM reviews
),

summed AS (
    SELECT
        customer_id,
        COUNT(*) AS reviews,
        SUM(rating) AS rating,
        MIN(rating) AS rating_min,
        MAX(CASE WHEN place = 1 THEN rating END) AS rating_last,
        MIN(age_days(occurred_at)) AS days_since_review
    FROM reviews
    GROUP BY customer_id
)

SELECT
    p.customer_id,
    if_known(s.reviews, h.reviews_since, 0) AS reviews_all,
    safe_div(s.rating, s.reviews) AS rating_mean,
    CAST(s.rating_min AS DOUBLE) AS rating_min,
    safe_div(s.rating, s.reviews) - e.rating_mean AS rating_to_all,
    CASE WHEN s.reviews > 1 THEN CAST(s.rating_last AS DOUBLE) - safe_div(s.rating, s.reviews) END
        AS rating_change,
    s.days_since_review
FROM population AS p
CROSS JOIN interaction_history AS h
CROSS JOIN everyone AS e
LEFT JOIN summed AS s
    ON p.customer_id = s.customer_id
