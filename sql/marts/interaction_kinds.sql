-- What kinds of interactions there are: unknown ones are kept and counted.
SELECT
    as_of() AS as_of,
    kind,
    kind IN (
        'visit', 'view', 'cart', 'search', 'email_sent', 'email_open', 'email_click', 'campaign_sent',
        'coupon_used', 'support', 'complaint', 'complaint_resolved', 'return', 'review', 'call', 'store_visit'
    ) AS is_known,
    COUNT(*) AS interactions,
    COUNT(*) FILTER (WHERE occurred_at >= days_ago(30)) AS interactions_30,
    COUNT(DISTINCT customer_id) AS customers,
    CAST(MIN(occurred_at) AS DATE) AS first_on,
    CAST(MAX(occurred_at) AS DATE) AS last_on
FROM interactions
GROUP BY kind
