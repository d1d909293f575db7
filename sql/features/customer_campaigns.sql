-- What we send to the customer, and whether it is answered. NULL when not recorded for that long.
WITH counted AS (
    SELECT
        customer_id,
        COUNT(*) FILTER (WHERE kind = 'campaign_sent' AND occurred_at >= days_ago(30)) AS campaigns_30,
        COUNT(*) FILTER (WHERE kind = 'campaign_sent' AND occurred_at >= days_ago(90)) AS campaigns_90,
        COUNT(*) FILTER (WHERE kind = 'email_sent' AND occurred_at >= days_ago(90)) AS emails_90,
        COUNT(*) FILTER (WHERE kind = 'email_open' AND occurred_at >= days_ago(90)) AS email_opens_90,
        COUNT(*) FILTER (WHERE kind = 'email_click' AND occurred_at >= days_ago(90)) AS email_clicks_90,
        COUNT(*) FILTER (WHERE kind = 'coupon_used' AND occurred_at >= days_ago(90)) AS coupons_90,
        MIN(age_days(occurred_at)) FILTER (WHERE kind = 'email_open') AS days_since_email_open,
        MIN(age_days(occurred_at)) FILTER (WHERE kind = 'email_click') AS days_since_email_click,
        MIN(age_days(occurred_at)) FILTER (WHERE kind = 'coupon_used') AS days_since_coupon
    FROM interactions
    WHERE kind IN ('campaign_sent', 'email_sent', 'email_open', 'email_click', 'coupon_used')
    GROUP BY customer_id
)

SELECT
    p.customer_id,
    if_known(c.campaigns_30, h.campaigns_since, 30) AS campaigns_30,
    if_known(c.campaigns_90, h.campaigns_since, 90) AS campaigns_90,
    if_known(c.emails_90, h.campaigns_since, 90) AS emails_90,
    if_known(c.email_opens_90, h.campaigns_since, 90) AS email_opens_90,
    if_known(c.email_clicks_90, h.campaigns_since, 90) AS email_clicks_90,
    if_known(c.coupons_90, h.campaigns_since, 90) AS coupons_90,
    safe_div(
        COALESCE(c.email_opens_90, 0), if_known(c.emails_90, h.campaigns_since, 90)
    ) AS email_open_rate_90,
    safe_div(
        COALESCE(c.email_clicks_90, 0), if_known(c.emails_90, h.campaigns_since, 90)
    ) AS email_click_rate_90,
    c.days_since_email_open,
    c.days_since_email_click,
    c.days_since_coupon
FROM population AS p
CROSS JOIN interaction_history AS h
LEFT JOIN counted AS c
    ON p.customer_id = c.customer_id
