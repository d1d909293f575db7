-- Complaints, contacts with service, ratings. NULL when service was not recorded for that long.
WITH complained AS (
    SELECT
        customer_id,
        COUNT(*) FILTER (WHERE complained_at >= days_ago(180)) AS complaints_180,
        COUNT(is_open) AS complaints_known,
        COUNT(*) FILTER (WHERE is_open) AS complaints_open,
        MAX(CASE WHEN is_open THEN age_days(complained_at) END) AS complaint_open_days
    FROM complaint_cases
    GROUP BY customer_id
),

contacted AS (
    SELECT
        customer_id,
        COUNT(*) AS service_contacts_90
    FROM interactions
    WHERE kind IN ('support', 'call') AND occurred_at >= days_ago(90)
    GROUP BY customer_id
),

latest_ratings AS (
    SELECT
        customer_id,
        rating,
        ROW_NUMBER() OVER (
            PARTITION BY customer_id ORDER BY occurred_at DESC, interaction_id DESC
        ) AS place
    FROM interactions
    WHERE kind = 'review' AND rating IS NOT NULL
)

SELECT
    p.customer_id,
    if_known(c.complaints_180, h.service_since, 180) AS complaints_180,
    CASE WHEN COALESCE(c.complaints_known, 1) > 0 THEN if_known(c.complaints_open, h.resolutions_since, 0) END
        AS complaints_open,
    c.complaint_open_days,
    if_known(s.service_contacts_90, h.service_since, 90) AS service_contacts_90,
    CAST(r.rating AS DOUBLE) AS last_rating
FROM population AS p
CROSS JOIN interaction_history AS h
LEFT JOIN complained AS c
    ON p.customer_id = c.customer_id
LEFT JOIN contacted AS s
    ON p.customer_id = s.customer_id
LEFT JOIN latest_ratings AS r
    ON p.customer_id = r.customer_id AND r.place = 1
