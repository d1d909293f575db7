-- How long the customer has been silent: the customer's own doing counts,
-- what was only sent or done for the customer does not.
WITH own AS (
    SELECT
        customer_id,
        MIN(age_days(occurred_at)) AS days_since_interaction,
        COUNT(*) FILTER (WHERE occurred_at >= days_ago(7)) AS interactions_7,
        COUNT(*) FILTER (WHERE occurred_at >= days_ago(30)) AS interactions_30,
        COUNT(*) FILTER (WHERE occurred_at >= days_ago(90)) AS interactions_90,
        COUNT(DISTINCT CAST(occurred_at AS DATE)) FILTER (WHERE occurred_at >= days_ago(90)) AS days_90,
        COUNT(DISTINCT kind) FILTER (WHERE occurred_at >= days_ago(90)) AS kinds_90,
        COUNT(DISTINCT channel) FILTER (WHERE occurred_at >= days_ago(90)) AS channels_90
    FROM interactions
    WHERE kind NOT IN ('email_sent', 'campaign_sent', 'complaint_resolved')
    GROUP BY customer_id
)

SELECT
    p.customer_id,
    o.days_since_interaction,
    if_known(o.interactions_7, h.interactions_since, 7) AS interactions_7,
    if_known(o.interactions_30, h.interactions_since, 30) AS interactions_30,
    if_known(o.interactions_90, h.interactions_since, 90) AS interactions_90,
    safe_div(
        COALESCE(o.interactions_30, 0), if_known(o.interactions_90, h.interactions_since, 90)
    ) AS interactions_30_of_90,
    if_known(o.days_90, h.interactions_since, 90) AS interaction_days_90,
    if_known(o.kinds_90, h.interactions_since, 90) AS interaction_kinds_90,
    if_known(o.channels_90, h.interactions_since, 90) AS interaction_channels_90
FROM population AS p
CROSS JOIN interaction_history AS h
LEFT JOIN own AS o
    ON p.customer_id = o.customer_id
