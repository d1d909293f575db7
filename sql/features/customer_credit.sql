-- How the customer pays. NULL where no payments are recorded, or none of this customer.
SELECT
    p.customer_id,
    c.payments_180,
    CAST(c.open_amount AS DOUBLE) AS open_amount,
    CAST(c.overdue_amount AS DOUBLE) AS overdue_amount,
    c.overdue_share,
    c.days_late_mean,
    c.days_late_max
FROM population AS p
INNER JOIN credit AS c
    ON p.customer_id = c.customer_id
