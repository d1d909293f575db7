-- Everything that matters of a customer in one row.
WITH alerted AS (
    SELECT
        customer_id,
        COUNT(*) AS alerts,
        MIN(CASE severity WHEN 'high' THEN 1 WHEN 'medium' THEN 2 ELSE 3 END) AS severity,
        STRING_AGG(alert || ': ' || evidence, '; ' ORDER BY alert) AS alert_evidence
    FROM alerts
    GROUP BY customer_id
),

offers AS (
    SELECT
        customer_id,
        MAX(CASE WHEN rank = 1 THEN category END) AS offer_1,
        MAX(CASE WHEN rank = 1 THEN probability END) AS offer_1_probability,
        MAX(CASE WHEN rank = 1 THEN expected_margin END) AS offer_1_margin,
        MAX(CASE WHEN rank = 1 THEN reason_1 END) AS offer_1_reason,
        MAX(CASE WHEN rank = 2 THEN category END) AS offer_2,
        MAX(CASE WHEN rank = 2 THEN probability END) AS offer_2_probability,
        MAX(CASE WHEN rank = 2 THEN expected_margin END) AS offer_2_margin,
        MAX(CASE WHEN rank = 2 THEN reason_1 END) AS offer_2_reason,
        MAX(CASE WHEN rank = 3 THEN category END) AS offer_3,
        MAX(CASE WHEN rank = 3 THEN probability END) AS offer_3_probability,
        MAX(CASE WHEN rank = 3 THEN expected_margin END) AS offer_3_margin,
        MAX(CASE WHEN rank = 3 THEN reason_1 END) AS offer_3_reason
    FROM cross_sell_scores
    WHERE rank <= 3
    GROUP BY customer_id
)

SELECT
    as_of() AS as_of, customer_id,
    m.name, m.segment, m.region,
    s.stage, s.reason AS stage_reason,
    s.first_order_on, s.last_order_on,
    s.orders, s.interactions,
    b.orders_365, CAST(b.revenue_365 AS DECIMAL(38, 2)) AS revenue_365,
    CAST(b.margin_365 AS DECIMAL(38, 2)) AS margin_365,
    v.historical_value, v.current_value, v.potential_value, v.future_value,
    t.three_tier, t.four_tier,
    c.profit_class, c.purchase_class,
    q.loyalty_index, q.loyal, q.quadrant,
    h.is_high_potential,
    g.grade, l.relationship_level,
    p.p_alive, r.churn_probability, r.risk_band,
    r.reason_1 AS churn_reason_1, r.reason_2 AS churn_reason_2, r.reason_3 AS churn_reason_3,
    o.offer_1, o.offer_1_probability, o.offer_1_margin, o.offer_1_reason,
    o.offer_2, o.offer_2_probability, o.offer_2_margin, o.offer_2_reason,
    o.offer_3, o.offer_3_probability, o.offer_3_margin, o.offer_3_reason,
    COALESCE(a.alerts, 0) AS alerts,
    CASE a.severity WHEN 1 THEN 'high' WHEN 2 THEN 'medium' WHEN 3 THEN 'low' END AS alert_severity,
    a.alert_evidence,
    if_known(k.complaints, i.service_since, 0) AS complaints, f.complaints_open,
    COALESCE(k.suspected_abuse, FALSE) AS suspected_abuse,
    f.contacts_30, f.response_rate_90,
    f.do_not_contact, f.do_not_contact_reason,
    d.credit_grade,
    CAST(d.overdue_amount AS DECIMAL(38, 2)) AS overdue_amount,
    n.action AS next_action, n.reason AS next_action_reason,
    n.expected_gain AS next_action_gain, n.rank AS next_action_rank
FROM customer_stage AS s
INNER JOIN contact_fatigue AS f USING (customer_id)
CROSS JOIN interaction_history AS i
LEFT JOIN customer_master AS m USING (customer_id)
LEFT JOIN customer_sales AS b USING (customer_id)
LEFT JOIN customer_value AS v USING (customer_id)
LEFT JOIN value_tiers AS t USING (customer_id)
LEFT JOIN customer_classes AS c USING (customer_id)
LEFT JOIN customer_quadrant AS q USING (customer_id)
LEFT JOIN high_potential AS h USING (customer_id)
LEFT JOIN customer_grade AS g USING (customer_id)
LEFT JOIN relationship_level AS l USING (customer_id)
LEFT JOIN purchase_process AS p USING (customer_id)
LEFT JOIN churn_scores AS r USING (customer_id)
LEFT JOIN offers AS o USING (customer_id)
LEFT JOIN alerted AS a USING (customer_id)
LEFT JOIN complaints_by_customer AS k USING (customer_id)
LEFT JOIN credit AS d USING (customer_id)
LEFT JOIN next_best_action AS n USING (customer_id)
