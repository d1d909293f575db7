-- Complaints and how they ended: with the first complaint_resolved that refers to them, or not
-- yet. Where resolutions are not recorded, nobody knows whether a complaint is still open.
WITH cases AS (
    SELECT
        c.interaction_id,
        c.customer_id,
        c.occurred_at AS complained_at,
        MIN(r.occurred_at) AS resolved_at
    FROM interactions AS c
    LEFT JOIN interactions AS r
        ON r.kind = 'complaint_resolved' AND r.reference_id = c.interaction_id
    WHERE c.kind = 'complaint'
    GROUP BY c.interaction_id, c.customer_id, c.occurred_at
)

SELECT
    c.interaction_id,
    c.customer_id,
    c.complained_at,
    c.resolved_at,
    CASE
        WHEN c.resolved_at IS NOT NULL THEN FALSE
        WHEN CAST(c.complained_at AS DATE) >= h.resolutions_since THEN TRUE
    END AS is_open,
    CASE
        WHEN c.resolved_at < c.complained_at THEN 0
        ELSE age_days(c.complained_at) - age_days(c.resolved_at)
    END AS days_to_resolve
FROM cases AS c
CROSS JOIN interaction_history AS h
