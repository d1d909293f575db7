-- How long the customer has been silent: the customer's own doing counts,
-- what was only sent or done for the customer does not.
WITH own AS (
    SELECT
        customer_id,
        MIN(age_days(occurred_at)) AS days_since_interaction,
        COUNT(*) FILTER (WHERE occurred_at >= days_ago(30)) AS interactions_30
    FROM interactions
    WHERE kind NOT IN ('email_sent', 'campaign_sent', 'complaint_resolved')
    GROUP BY customer_id
)

SELECT
    p.customer_id,
    o.days_since_interaction,
    if_known(o.interactions_30, h.interactions_since, 30) AS interactions_30
FROM population AS p
CROSS JOIN interaction_history AS h
LEFT JOIN own AS o
    ON p.customer_id = o.customer_id
