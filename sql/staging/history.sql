-- Since when orders are known: windows that reach further back are NULL, not 0.
SELECT CAST(MIN(ordered_at) AS DATE) AS started_on
FROM orders
