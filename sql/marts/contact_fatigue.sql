-- Whom we contact too often, and whom not to contact now.
WITH known AS (
    SELECT customer_id
    FROM customer_stage
),

contacted AS (
    SELECT
        customer_id,
        COUNT(*) FILTER (WHERE contacted_at >= days_ago(30)) AS contacts_30,
        COUNT(*) FILTER (WHERE contacted_at >= days_ago(90)) AS contacts_90,
        COUNT(*) FILTER (WHERE contacted_at >= days_ago(90) AND is_settled) AS settled_90,
        COUNT(*) FILTER (WHERE contacted_at >= days_ago(90) AND is_settled AND responded) AS responded_90
    FROM contacts
    GROUP BY customer_id
),

judged AS (
    SELECT
        k.customer_id,
        if_known(c.contacts_30, h.campaigns_since, 30) AS contacts_30,
        if_known(c.contacts_90, h.campaigns_since, 90) AS contacts_90,
        safe_div(c.responded_90, if_known(c.settled_90, h.campaigns_since, 90)) AS response_rate_90,
        COALESCE(c.contacts_30, 0) AS contacts,
        CASE WHEN p.customer_id IS NULL THEN if_known(0, h.service_since, 0) ELSE p.complaints_open END
            AS complaints_open
    FROM known AS k
    CROSS JOIN interaction_history AS h
    LEFT JOIN contacted AS c
        ON k.customer_id = c.customer_id
    LEFT JOIN complaints_by_customer AS p
        ON k.customer_id = p.customer_id
)

SELECT
    as_of() AS as_of,
    customer_id,
    contacts_30,
    contacts_90,
    response_rate_90,
    complaints_open,
    contacts > max_contacts() OR COALESCE(complaints_open, 0) > 0 AS do_not_contact,
    CASE
        WHEN complaints_open = 1 THEN 'a complaint is open'
        WHEN complaints_open > 1 THEN CAST(complaints_open AS VARCHAR) || ' complaints are open'
        WHEN contacts > max_contacts() THEN CAST(contacts AS VARCHAR) || ' contacts in 30 days, more than '
            || CAST(max_contacts() AS VARCHAR)
    END AS do_not_contact_reason
FROM judged
