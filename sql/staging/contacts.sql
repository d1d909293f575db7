-- Each mail or campaign sent in the last 180 days, and whether the customer responded or
-- ordered within 7 days. A response is an opened mail, a click or a coupon used, whatever it
-- refers to: many sources do not say what was answered. Some know days only, so what happens
-- at the very moment of a contact follows it.
WITH events AS (
    SELECT
        interaction_id,
        customer_id,
        occurred_at,
        kind
    FROM interactions
    WHERE kind IN ('email_sent', 'campaign_sent', 'email_open', 'email_click', 'coupon_used')
        AND occurred_at >= days_ago(180)
    UNION ALL
    SELECT
        CAST(NULL AS VARCHAR) AS interaction_id,
        customer_id,
        ordered_at AS occurred_at,
        'order' AS kind
    FROM customer_orders
    WHERE ordered_at >= days_ago(180)
),

placed AS (
    SELECT
        *,
        CASE WHEN kind IN ('email_sent', 'campaign_sent') THEN 1 ELSE 0 END AS is_contact
    FROM events
),

-- Backwards in time, the earliest one so far is the next one.
followed AS (
    SELECT
        *,
        MIN(CASE WHEN is_contact = 0 AND kind <> 'order' THEN occurred_at END) OVER (
            PARTITION BY customer_id ORDER BY occurred_at DESC, is_contact
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS next_response,
        MIN(CASE WHEN kind = 'order' THEN occurred_at END) OVER (
            PARTITION BY customer_id ORDER BY occurred_at DESC, is_contact
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS next_order
    FROM placed
)

SELECT
    interaction_id,
    customer_id,
    occurred_at AS contacted_at,
    kind,
    occurred_at < days_ago(7) AS is_settled,
    COALESCE(next_response < occurred_at + INTERVAL '7' DAY, false) AS responded,
    COALESCE(next_order < occurred_at + INTERVAL '7' DAY, false) AS ordered
FROM followed
WHERE is_contact = 1
