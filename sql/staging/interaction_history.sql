-- Since when interactions, and each group of them, are recorded; NULL when none ever was.
SELECT
    CAST(MIN(occurred_at) AS DATE) AS interactions_since,
    CAST(MIN(occurred_at) FILTER (
        WHERE kind IN ('visit', 'view', 'cart', 'search', 'store_visit')
    ) AS DATE) AS browsing_since,
    CAST(MIN(occurred_at) FILTER (
        WHERE kind IN ('email_sent', 'email_open', 'email_click', 'campaign_sent', 'coupon_used')
    ) AS DATE) AS campaigns_since,
    CAST(MIN(occurred_at) FILTER (
        WHERE kind IN ('support', 'complaint', 'complaint_resolved', 'call')
    ) AS DATE) AS service_since,
    CAST(MIN(occurred_at) FILTER (
        WHERE kind = 'complaint_resolved' AND reference_id IS NOT NULL
    ) AS DATE) AS resolutions_since,
    CAST(MIN(occurred_at) FILTER (WHERE kind = 'review') AS DATE) AS reviews_since,
    CAST(MIN(occurred_at) FILTER (WHERE rating IS NOT NULL AND kind <> 'complaint') AS DATE) AS ratings_since,
    CAST(MIN(occurred_at) FILTER (WHERE kind = 'return') AS DATE) AS returns_since
FROM interactions
