-- Since when payments are known.
SELECT CAST(MIN(issued_at) AS DATE) AS payments_since
FROM payments
