SELECT * EXCLUDE (_input, _row, _batch) REPLACE (timezone('Europe/London', ordered_at) AS ordered_at)
FROM (SELECT * FROM read_parquet(['/data/lake/orders/day=2024-02-28/b000001-orders-0000.parquet'], union_by_name = true, hive_partitioning = false)
WHERE true AND ordered_at < TIMESTAMPTZ '2023-03-01 00:00:00.000000+00' AND false)
