SELECT * EXCLUDE (_input, _row, _batch) REPLACE (timezone('Europe/London', issued_at) AS issued_at, timezone('Europe/London', paid_at) AS paid_at)
FROM (SELECT _batch, _input, _row, payment_id, customer_id, order_id, issued_at, due_on, amount, CASE WHEN paid_at < TIMESTAMPTZ '2024-03-01 00:00:00.000000+00' THEN COLUMNS(* EXCLUDE (_batch, _input, _row, payment_id, customer_id, order_id, issued_at, due_on, amount)) END AS '\0'
FROM (SELECT * FROM read_parquet(['/data/lake/orders/day=2024-02-28/b000001-orders-0000.parquet'], union_by_name = true, hive_partitioning = false)
WHERE true AND issued_at < TIMESTAMPTZ '2024-03-01 00:00:00.000000+00'))
