-- Where each customer stands, and why in words.
SELECT
    ref_day AS as_of,
    customer_id,
    stage,
    CASE stage
        WHEN 'prospect' THEN CAST(interactions AS VARCHAR)
            || CASE WHEN interactions = 1 THEN ' interaction' ELSE ' interactions' END || ', no order yet'
        WHEN 'lost' THEN 'no order for ' || CAST(days_since_order AS VARCHAR) || ' days'
        WHEN 'at_risk' THEN 'no order for ' || CAST(days_since_order AS VARCHAR) || ' days, usual are up to '
            || CAST(CAST(FLOOR(late_after_days) AS BIGINT) AS VARCHAR)
        WHEN 'won_back' THEN 'ordered again ' || CAST(won_back_age AS VARCHAR) || ' days ago after being lost'
        WHEN 'new' THEN 'first order ' || CAST(first_age AS VARCHAR) || ' days ago, '
            || CAST(orders AS VARCHAR)
            || CASE WHEN orders = 1 THEN ' order' ELSE ' orders' END || ' so far'
        ELSE 'revenue of the last 90 days ' || CAST(CAST(revenue_90 AS DECIMAL(38, 2)) AS VARCHAR)
            || COALESCE(
                ', before on average ' || CAST(CAST(revenue_90_before AS DECIMAL(38, 2)) AS VARCHAR), ''
            )
    END AS reason,
    orders,
    interactions,
    as_of() - first_age AS first_order_on,
    as_of() - days_since_order AS last_order_on,
    days_since_order,
    late_after_days,
    as_of() - won_back_age AS won_back_on,
    gaps,
    CAST(revenue_90 AS DECIMAL(38, 2)) AS revenue_90,
    CAST(revenue_90_before AS DECIMAL(38, 2)) AS revenue_90_before,
    revenue_change
FROM customer_lifecycle
WHERE ref_day = as_of()
