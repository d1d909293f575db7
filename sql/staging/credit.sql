-- How customers pay: what is open, what is overdue, how late it comes. An invoice counts
-- for lateness while it is unpaid, and for a year after it fell due. What was paid after
-- the cutoff is unpaid here: the session hides it.
WITH invoices AS (
    SELECT
        customer_id,
        issued_at,
        due_on,
        amount,
        CAST(paid_at AS DATE) AS paid_on,
        GREATEST(
            amount - CASE WHEN paid_at IS NULL THEN 0 ELSE GREATEST(COALESCE(paid_amount, amount), 0) END, 0
        ) AS unpaid
    FROM payments
),

judged AS (
    SELECT
        *,
        COALESCE(
            amount > 0 AND due_on < as_of() AND (unpaid > 0 OR due_on >= CAST(days_ago(365) AS DATE)),
            FALSE
        ) AS is_due,
        GREATEST(
            age_days(due_on) - CASE WHEN unpaid > 0 THEN 0 ELSE age_days(paid_on) END, 0
        ) AS days_late
    FROM invoices
),

paid AS (
    SELECT
        customer_id,
        COUNT(*) FILTER (WHERE issued_at >= days_ago(180)) AS payments_180,
        SUM(unpaid) AS open_amount,
        COUNT(*) FILTER (WHERE is_due) AS due_invoices,
        SUM(amount) FILTER (WHERE is_due) AS due_amount,
        COALESCE(SUM(unpaid) FILTER (WHERE is_due), 0) AS overdue_amount,
        SUM(days_late) FILTER (WHERE is_due) AS days_late,
        MAX(days_late) FILTER (WHERE is_due) AS days_late_max
    FROM judged
    GROUP BY customer_id
),

measured AS (
    SELECT
        p.customer_id,
        CAST(if_known(p.payments_180, r.payments_since, 180) AS INTEGER) AS payments_180,
        CAST(p.open_amount AS DECIMAL(38, 4)) AS open_amount,
        CAST(p.overdue_amount AS DECIMAL(38, 4)) AS overdue_amount,
        CAST(p.due_invoices AS INTEGER) AS due_invoices,
        safe_div(p.overdue_amount, p.due_amount) AS overdue_share,
        safe_div(p.days_late, p.due_invoices) AS days_late_mean,
        CAST(p.days_late_max AS INTEGER) AS days_late_max
    FROM paid AS p
    CROSS JOIN payment_history AS r
)

-- The grade is the worse of two scales.
SELECT
    *,
    credit_letter(days_late_mean, overdue_share) AS credit_grade
FROM measured
