-- Who complains or sends back, how often per order, and whether that is beyond what is usual.
-- Rates are compared with those of all customers who ever ordered, most of which are 0.
WITH ordered AS (
    SELECT customer_id, COUNT(*) AS orders FROM customer_orders GROUP BY customer_id
),

complained AS (
    SELECT
        customer_id,
        COUNT(*) AS complaints,
        COUNT(*) FILTER (WHERE complained_at >= days_ago(alert_complaints_days())) AS complaints_lately,
        CASE WHEN COUNT(is_open) > 0 THEN COUNT(*) FILTER (WHERE is_open) END AS complaints_open,
        MAX(days_open) AS days_open,
        COUNT(days_to_resolve) AS resolved,
        SUM(days_to_resolve) AS days_to_resolve,
        COUNT(*) FILTER (WHERE bought_again) AS bought_again,
        COUNT(*) FILTER (WHERE reopens_complaint_id IS NOT NULL) AS reopened
    FROM complaints
    GROUP BY customer_id
),

-- Returned lines of one order are one refund; so is a return without an order.
refunded AS (
    SELECT
        customer_id,
        COUNT(DISTINCT COALESCE('order ' || order_id, 'return ' || interaction_id)) AS refunds,
        SUM(amount) AS refunded_amount
    FROM returns
    GROUP BY customer_id
),

counted AS (
    SELECT
        customer_id, o.orders, c.*, r.refunds, r.refunded_amount,
        safe_div(if_known(c.complaints, h.service_since, 0), o.orders) AS complaint_rate,
        safe_div(if_known(r.refunds, h.returns_since, 0), o.orders) AS refund_rate
    FROM ordered AS o
    FULL JOIN complained AS c USING (customer_id)
    FULL JOIN refunded AS r USING (customer_id)
    CROSS JOIN interaction_history AS h
),

usual AS (
    SELECT
        PERCENTILE_DISC(CAST(abuse_percentile() AS DECIMAL(9, 6)))
            WITHIN GROUP (ORDER BY complaint_rate) AS often,
        PERCENTILE_DISC(CAST(abuse_percentile() AS DECIMAL(9, 6)))
            WITHIN GROUP (ORDER BY refund_rate) AS back
    FROM counted
),

judged AS (
    SELECT
        c.*,
        COALESCE(c.complaints >= abuse_min_cases() AND c.complaint_rate > u.often, FALSE) AS complains,
        COALESCE(c.refunds >= abuse_min_cases() AND c.refund_rate > u.back, FALSE) AS sends_back
    FROM counted AS c
    CROSS JOIN usual AS u
    WHERE c.complaints > 0 OR c.refunds > 0
)

SELECT
    as_of() AS as_of, customer_id, COALESCE(orders, 0) AS orders,
    if_known(complaints, h.service_since, 0) AS complaints,
    if_known(complaints_lately, h.service_since, alert_complaints_days()) AS complaints_lately,
    CASE WHEN complaints > 0 THEN complaints_open ELSE if_known(0, h.service_since, 0) END AS complaints_open,
    days_open, safe_div(days_to_resolve, resolved) AS days_to_resolve_mean,
    if_known(reopened, h.service_since, 0) AS complaints_reopened,
    if_known(bought_again, h.resolutions_since, 0) AS resolved_then_bought_again,
    complaint_rate,
    if_known(refunds, h.returns_since, 0) AS refunds,
    CAST(refunded_amount AS DECIMAL(38, 2)) AS refunded_amount,
    refund_rate,
    complains OR sends_back AS suspected_abuse,
    CASE WHEN complains OR sends_back THEN CONCAT_WS(
        ', ', CASE WHEN complains THEN CAST(complaints AS VARCHAR) || ' complaints' END,
        CASE WHEN sends_back THEN CAST(refunds AS VARCHAR) || ' refunds' END
    ) || ' in ' || CAST(orders AS VARCHAR) || ' orders' END AS abuse_evidence
FROM judged
CROSS JOIN interaction_history AS h
