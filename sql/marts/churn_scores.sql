-- How likely each active customer is to stay away, and why.
SELECT
    as_of() AS as_of,
    customer_id,
    probability AS churn_probability,
    CASE
        WHEN probability >= risk_high() THEN 'high'
        WHEN probability >= risk_medium() THEN 'medium'
        ELSE 'low'
    END AS risk_band,
    100 * CUME_DIST() OVER (ORDER BY probability) AS risk_percentile,
    reason_1,
    reason_2,
    reason_3,
    model_version
FROM churn_predictions
