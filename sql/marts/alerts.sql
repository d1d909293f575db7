-- What about a customer wants a look this morning.
WITH overdue AS (
    SELECT
        customer_id,
        'overdue' AS alert,
        CASE WHEN days_since_order > 2 * late_after_days THEN 'high' ELSE 'medium' END AS severity,
        last_order_on + CAST(FLOOR(late_after_days) AS INTEGER) AS since_on,
        CAST(days_since_order AS DOUBLE) AS measure,
        late_after_days AS threshold,
        reason AS evidence
    FROM customer_stage
    WHERE stage = 'at_risk'
),

-- A contact who came with the customer has not changed.
contacts_changed AS (
    SELECT
        m.customer_id,
        'key_contact_changed' AS alert,
        'medium' AS severity,
        CAST(m.key_contact_since AS DATE) AS since_on,
        CAST(age_days(m.key_contact_since) AS DOUBLE) AS measure,
        CAST(alert_key_contact_days() AS DOUBLE) AS threshold,
        'the key contact is ' || m.key_contact || ' since '
            || CAST(CAST(m.key_contact_since AS DATE) AS VARCHAR) AS evidence
    FROM customer_master AS m
    INNER JOIN customer_stage AS s
        ON m.customer_id = s.customer_id
    WHERE m.key_contact_since >= days_ago(alert_key_contact_days())
        AND s.first_order_on < CAST(m.key_contact_since AS DATE)
)

SELECT
    as_of() AS as_of,
    a.*
FROM (
    SELECT * FROM spend_alerts
    UNION ALL
    SELECT * FROM overdue
    UNION ALL
    SELECT * FROM complaint_alerts
    UNION ALL
    SELECT * FROM contacts_changed
    UNION ALL
    SELECT * FROM category_alerts
) AS a
