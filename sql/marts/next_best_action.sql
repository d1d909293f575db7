-- The call list for the morning: for each customer the one action that is expected to gain
-- most, after the rules of the configuration.
WITH alerted AS (
    SELECT
        customer_id,
        LIST(alert ORDER BY alert) AS alerts,
        STRING_AGG(evidence, '; ' ORDER BY alert) AS evidence
    FROM alerts
    GROUP BY customer_id
),

known AS (
    SELECT
        customer_id, s.stage, s.reason AS stage_reason,
        t.three_tier AS tier, r.risk_band, r.churn_probability,
        l.loyal, a.alerts, a.evidence,
        c.category AS top_category, c.probability AS top_probability, c.first_year_margin AS top_margin,
        v.current_value, v.potential_value, v.future_value, f.do_not_contact
    FROM customer_stage AS s
    INNER JOIN contact_fatigue AS f USING (customer_id)
    LEFT JOIN value_tiers AS t USING (customer_id)
    LEFT JOIN churn_scores AS r USING (customer_id)
    LEFT JOIN customer_loyalty AS l USING (customer_id)
    LEFT JOIN alerted AS a USING (customer_id)
    LEFT JOIN (SELECT * FROM cross_sell_scores WHERE rank = 1) AS c USING (customer_id)
    LEFT JOIN customer_value AS v USING (customer_id)
),

fitting AS (
    SELECT
        k.*,
        a.priority, a.action, a.is_contact, a.cost, a.probability_change, a.at_stake,
        CONCAT_WS(
            '; ', a.reason,
            CASE WHEN a.alerts IS NOT NULL THEN k.evidence END,
            CASE WHEN a.stages IS NOT NULL THEN k.stage_reason END,
            CASE WHEN a.risk_bands IS NOT NULL THEN 'leaves with a probability of '
                || probability_words(k.churn_probability) END,
            CASE WHEN a.top_category THEN k.top_category || ' with a probability of '
                || probability_words(k.top_probability) END
        ) AS reason,
        CASE a.at_stake
            WHEN 'current_value' THEN k.current_value WHEN 'potential_value' THEN k.potential_value
            WHEN 'future_value' THEN k.future_value WHEN 'top_category_margin' THEN k.top_margin
        END AS value_at_stake
    FROM known AS k
    INNER JOIN action_rules() AS a
        ON rule_holds(a.tiers, k.tier) AND rule_holds(a.risk_bands, k.risk_band)
            AND rule_holds(a.stages, k.stage) AND rule_holds_any(a.alerts, k.alerts)
            AND COALESCE(a.loyal = k.loyal, a.loyal IS NULL)
            AND COALESCE(a.top_category = (k.top_category IS NOT NULL), TRUE)
            AND NOT (a.is_contact AND k.do_not_contact)
),

gains AS (
    SELECT
        *,
        CAST(
            probability_change * CAST(value_at_stake AS DOUBLE) - CAST(cost AS DOUBLE) AS DECIMAL(38, 2)
        ) AS expected_gain
    FROM fitting
),

ranked AS (
    SELECT
        *,
        ROW_NUMBER() OVER (PARTITION BY customer_id ORDER BY expected_gain DESC NULLS LAST, priority) AS place
    FROM gains
    WHERE expected_gain > 0 OR expected_gain IS NULL
)

SELECT
    as_of() AS as_of,
    ROW_NUMBER() OVER (ORDER BY expected_gain DESC NULLS LAST, priority, customer_id) AS rank,
    customer_id, action, reason,
    expected_gain, cost, probability_change, at_stake, value_at_stake,
    CASE WHEN at_stake = 'top_category_margin' THEN top_category END AS category,
    is_contact, tier, stage, risk_band
FROM ranked
WHERE place = 1
