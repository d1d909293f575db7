-- Is the customer contacted too often? Mails and campaigns sent, and whether they still get a
-- response (an opened mail, a click, a coupon) or an order within 7 days.
WITH counted AS (
    SELECT
        customer_id,
        COUNT(*) FILTER (WHERE contacted_at >= days_ago(7)) AS contacts_7,
        COUNT(*) FILTER (WHERE contacted_at >= days_ago(30)) AS contacts_30,
        COUNT(*) FILTER (WHERE contacted_at >= days_ago(90)) AS contacts_90,
        COUNT(*) FILTER (WHERE is_settled AND contacted_at >= days_ago(90)) AS settled_90,
        COUNT(*) FILTER (WHERE is_settled AND responded AND contacted_at >= days_ago(90)) AS responded_90,
        COUNT(*) FILTER (WHERE is_settled) AS settled_180,
        COUNT(*) FILTER (WHERE is_settled AND responded) AS responded_180,
        COUNT(*) FILTER (WHERE is_settled AND ordered) AS ordered_180,
        MIN(age_days(contacted_at)) AS days_since_contact
    FROM contacts
    GROUP BY customer_id
),

last_responses AS (
    SELECT
        customer_id,
        MAX(contacted_at) AS contacted_at
    FROM contacts
    WHERE responded
    GROUP BY customer_id
),

unanswered AS (
    SELECT
        c.customer_id,
        COUNT(*) AS contacts
    FROM contacts AS c
    LEFT JOIN last_responses AS l
        ON c.customer_id = l.customer_id
    WHERE c.contacted_at > l.contacted_at OR l.contacted_at IS NULL
    GROUP BY c.customer_id
)

SELECT
    p.customer_id,
    if_known(c.contacts_7, h.campaigns_since, 7) AS contacts_7,
    if_known(c.contacts_30, h.campaigns_since, 30) AS contacts_30,
    if_known(c.contacts_90, h.campaigns_since, 90) AS contacts_90,
    safe_div(COALESCE(c.contacts_30, 0), if_known(c.contacts_90, h.campaigns_since, 90)) AS contacts_30_of_90,
    safe_div(c.responded_90, if_known(c.settled_90, h.campaigns_since, 90)) AS response_rate_90,
    safe_div(c.responded_90, if_known(c.settled_90, h.campaigns_since, 180))
        - safe_div(c.responded_180 - c.responded_90, c.settled_180 - c.settled_90) AS response_rate_change,
    safe_div(c.ordered_180, if_known(c.settled_180, h.campaigns_since, 180)) AS order_rate_after_contact_180,
    if_known(u.contacts, h.campaigns_since, 180) AS contacts_unanswered_180,
    c.days_since_contact
FROM population AS p
CROSS JOIN interaction_history AS h
LEFT JOIN counted AS c
    ON p.customer_id = c.customer_id
LEFT JOIN unanswered AS u
    ON p.customer_id = u.customer_id
