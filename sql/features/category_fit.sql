-- How well the category goes with what the customer owns (see category_affinity, basket_affinity).
SELECT
    p.customer_id,
    p.category,
    COUNT(*) AS owned_category_count,
    CAST(MAX(a.lift) AS DOUBLE) AS lift_max,
    safe_div(SUM(a.lift), COUNT(*)) AS lift_mean,
    CAST(MAX(a.confidence) AS DOUBLE) AS confidence_max,
    safe_div(SUM(a.confidence), COUNT(*)) AS confidence_mean,
    CAST(MAX(a.cosine) AS DOUBLE) AS cosine_max,
    safe_div(SUM(a.cosine), COUNT(*)) AS cosine_mean,
    CAST(MAX(b.lift) AS DOUBLE) AS basket_lift_max,
    safe_div(SUM(b.lift), COUNT(b.lift)) AS basket_lift_mean
FROM cross_sell_pairs AS p
INNER JOIN owned_categories AS o
    ON p.customer_id = o.customer_id
INNER JOIN category_affinity AS a
    ON o.category = a.owned AND p.category = a.offered
LEFT JOIN basket_affinity AS b
    ON o.category = b.owned AND p.category = b.offered
GROUP BY p.customer_id, p.category
