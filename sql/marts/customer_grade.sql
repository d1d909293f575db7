-- A grade from a weighted scorecard. An indicator that is not known for a customer leaves
-- its weight to the others.
WITH points AS (
    SELECT
        customer_id,
        MAX(CASE WHEN indicator = 'margin' THEN points END) AS margin_points,
        MAX(CASE WHEN indicator = 'units' THEN points END) AS units_points,
        MAX(CASE WHEN indicator = 'marketing_cost_ratio' THEN points END) AS marketing_cost_ratio_points,
        MAX(CASE WHEN indicator = 'tenure' THEN points END) AS tenure_points,
        MAX(CASE WHEN indicator = 'satisfaction' THEN points END) AS satisfaction_points,
        MAX(CASE WHEN indicator = 'standing' THEN points END) AS standing_points,
        MAX(CASE WHEN indicator = 'marketing_cost_ratio' THEN -value END) AS marketing_cost_ratio,
        MAX(CASE WHEN indicator = 'satisfaction' THEN value END) AS satisfaction,
        SUM(grade_weight(indicator)) FILTER (
            WHERE indicator IN ('margin', 'units', 'marketing_cost_ratio')
        ) AS now_weight,
        SUM(grade_weight(indicator)) FILTER (
            WHERE indicator IN ('tenure', 'satisfaction', 'standing')
        ) AS future_weight
    FROM grade_indicators
    GROUP BY customer_id
),

weighted AS (
    SELECT
        *,
        margin_points * grade_weight('margin')
        + units_points * grade_weight('units')
        + COALESCE(marketing_cost_ratio_points, 0) * grade_weight('marketing_cost_ratio') AS now_points,
        tenure_points * grade_weight('tenure')
        + COALESCE(satisfaction_points, 0) * grade_weight('satisfaction')
        + COALESCE(standing_points, 0) * grade_weight('standing') AS future_points
    FROM points
),

scored AS (
    SELECT
        *,
        safe_div(now_points + future_points, now_weight + future_weight) AS score
    FROM weighted
)

SELECT
    as_of() AS as_of,
    customer_id,
    margin_points,
    units_points,
    marketing_cost_ratio,
    marketing_cost_ratio_points,
    tenure_points,
    satisfaction,
    satisfaction_points,
    standing_points,
    CAST(now_weight + future_weight AS DOUBLE) AS known_weight,
    safe_div(now_points, now_weight) AS now_score,
    safe_div(future_points, future_weight) AS future_score,
    score,
    grade_letter(score) AS grade
FROM scored
