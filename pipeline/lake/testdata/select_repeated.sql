SELECT * EXCLUDE (_input, _row, _batch) REPLACE (timezone('Europe/London', ordered_at) AS ordered_at)
FROM (SELECT * FROM read_parquet(['/data/lake/orders/day=2024-02-28/b000001-orders-0000.parquet', '/data/lake/orders/day=2024-03-02/b000001-orders-0001.parquet'], union_by_name = true, hive_partitioning = false)
WHERE true AND NOT list_contains([3, 7]::BIGINT[], _input)
QUALIFY row_number() OVER (PARTITION BY "order_id", "line_id" ORDER BY _batch DESC, _input DESC, _row DESC) = 1)
