-- Which features tell the best tenth of the active customers, by the margin of the last 365
-- days, from the others: what a model of the best tenth makes of each beside all others, and
-- the standardised difference of each by itself. Values are cut to
-- millionths and at a milliard, so that sums are exact; what is no number or yes/no drops out.
WITH ranked AS (
    SELECT
        customer_id,
        ROW_NUMBER() OVER (ORDER BY v.margin_365 DESC, customer_id) - 1 < 0.1 * COUNT(*) OVER () AS is_best
    FROM customer_features AS f
    INNER JOIN value_tiers AS v USING (customer_id)
),

numbers AS (
    SELECT
        is_best,
        CASE
            WHEN REGEXP_MATCHES(TYPEOF(COLUMNS(f.* EXCLUDE (customer_id, as_of))),
                '^(BOOLEAN|DOUBLE|FLOAT|U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|DECIMAL[(0-9,)]+)$')
                THEN TRY_CAST(COLUMNS(f.* EXCLUDE (customer_id, as_of)) AS DOUBLE)
        END
    FROM customer_features AS f
    INNER JOIN ranked AS r USING (customer_id)
),

facts AS (
    SELECT
        is_best, feature,
        CAST(GREATEST(-1000000000, LEAST(1000000000, value)) AS DECIMAL(28, 6)) AS value
    FROM numbers UNPIVOT (value FOR feature IN (COLUMNS(* EXCLUDE (is_best))))
),

summed AS (
    SELECT
        feature,
        COUNT(*) FILTER (WHERE is_best) AS best,
        COUNT(*) FILTER (WHERE NOT is_best) AS others,
        CAST(SUM(value) FILTER (WHERE is_best) AS DOUBLE) AS best_sum,
        CAST(SUM(value) FILTER (WHERE NOT is_best) AS DOUBLE) AS others_sum,
        CAST(SUM(value * value) FILTER (WHERE is_best) AS DOUBLE) AS best_squares,
        CAST(SUM(value * value) FILTER (WHERE NOT is_best) AS DOUBLE) AS others_squares
    FROM facts
    GROUP BY feature
),

measured AS (
    SELECT
        feature, best, others,
        best_sum / best AS best_mean,
        others_sum / others AS others_mean,
        (
            GREATEST(0, best_squares / best - best_sum / best * (best_sum / best))
            + GREATEST(0, others_squares / others - others_sum / others * (others_sum / others))
        ) / 2 AS variance
    FROM summed
    WHERE best > 0 AND others > 0
),

told AS (
    SELECT
        m.*,
        safe_div(best_mean - others_mean, SQRT(variance)) AS difference,
        e.effect, e.direction,
        COALESCE(w.say, REPLACE(m.feature, '_', ' ') || ': {value}') AS say,
        COALESCE(w.is_flag, FALSE) AS is_flag
    FROM measured AS m
    LEFT JOIN feature_words() AS w ON m.feature = w.feature
    LEFT JOIN value_driver_effects AS e ON m.feature = e.feature
)

SELECT
    as_of() AS as_of, feature,
    ROW_NUMBER() OVER (ORDER BY effect DESC NULLS LAST, ABS(difference) DESC NULLS LAST, feature) AS rank,
    effect, direction, difference, best_mean, others_mean,
    best AS best_customers, others AS other_customers,
    'the best tenth' || CASE WHEN is_flag THEN '' ELSE ' on average' END || ': '
        || REPLACE(say, '{value}', mean_in_words(best_mean, is_flag))
        || '; the others: ' || mean_in_words(others_mean, is_flag) AS in_words
FROM told
