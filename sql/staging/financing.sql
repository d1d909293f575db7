-- What it cost to wait for the customer's money: invoices of the last 365 days, for the days
-- until they were paid, or until now for what is unpaid.
WITH invoices AS (
    SELECT
        customer_id,
        CAST(GREATEST(amount, 0) AS DECIMAL(38, 4)) AS amount,
        CAST(
            CASE
                WHEN paid_at IS NULL THEN 0
                ELSE LEAST(GREATEST(COALESCE(paid_amount, amount), 0), GREATEST(amount, 0))
            END AS DECIMAL(38, 4)
        ) AS paid,
        age_days(issued_at) AS age,
        GREATEST(age_days(issued_at) - age_days(CAST(paid_at AS TIMESTAMP)), 0) AS days_to_pay
    FROM payments
    WHERE issued_at >= days_ago(365)
),

waited AS (
    SELECT
        customer_id,
        SUM(paid * COALESCE(days_to_pay, 0) + (amount - paid) * age) AS money_days
    FROM invoices
    GROUP BY customer_id
)

SELECT
    customer_id,
    CAST(
        CAST(money_days AS DOUBLE) * CAST(financing_rate() AS DOUBLE) / 365 AS DECIMAL(38, 4)
    ) AS financing_cost_365
FROM waited
