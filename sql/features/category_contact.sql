-- What we told the customer about the category, and whether it was looked at. Only mails and
-- campaigns that name a product or a category count.
WITH told AS (
    SELECT
        i.customer_id,
        COALESCE(c.category, i.category) AS category,
        i.kind,
        i.occurred_at
    FROM interactions AS i
    LEFT JOIN product_categories AS c
        ON i.product_id = c.product_id
    WHERE i.kind IN ('email_sent', 'campaign_sent', 'email_open', 'email_click', 'coupon_used')
        AND i.occurred_at >= days_ago(90)
),

counted AS (
    SELECT
        customer_id,
        category,
        COUNT(*) FILTER (
            WHERE kind IN ('email_sent', 'campaign_sent') AND occurred_at >= days_ago(30)
        ) AS contacts_30,
        COUNT(*) FILTER (WHERE kind IN ('email_sent', 'campaign_sent')) AS contacts_90,
        COUNT(*) FILTER (WHERE kind IN ('email_open', 'email_click', 'coupon_used')) AS responses_90
    FROM told
    GROUP BY customer_id, category
)

SELECT
    p.customer_id,
    p.category,
    if_known(c.contacts_30, h.campaigns_since, 30) AS category_contacts_30,
    if_known(c.contacts_90, h.campaigns_since, 90) AS category_contacts_90,
    if_known(c.responses_90, h.campaigns_since, 90) AS category_responses_90
FROM cross_sell_pairs AS p
CROSS JOIN interaction_history AS h
LEFT JOIN counted AS c
    ON p.customer_id = c.customer_id AND p.category = c.category
