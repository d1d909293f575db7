-- How the company does, day by day.
SELECT
    as_of() AS as_of,
    starts_on AS day,
    active_before,
    active_customers,
    new_customers,
    won_back_customers,
    lost_customers,
    churned_customers,
    safe_div(active_before - churned_customers, active_before) AS retention_rate,
    safe_div(churned_customers, active_before) AS churn_rate,
    safe_div(active_customers - active_before, active_before) AS growth_rate,
    ordering_customers,
    repeat_rate,
    orders,
    revenue,
    margin,
    average_order_value,
    top_share,
    gini,
    ratings,
    satisfaction,
    complaints,
    complaint_rate,
    complaints_resolved,
    days_to_resolve_mean
FROM kpi_periods
WHERE period = 'day'
