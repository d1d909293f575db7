WITH typed AS (
    SELECT _input, _row, struct_pack("Order_ID" := "Order_ID", "customer_id" := "customer_id", "ordered_at" := "ordered_at", "product_id" := "product_id", "quantity" := "quantity", "unit_price" := "unit_price", "colour" := "colour", "_file" := "_file", "_row" := "_row") AS _raw, nullif(CAST("order_id" AS VARCHAR), '') AS order_id,
        coalesce(CAST(NULL AS VARCHAR), nullif(CAST("product_id" AS VARCHAR), '')) AS line_id,
        nullif(CAST("customer_id" AS VARCHAR), '') AS customer_id,
        TRY_CAST("ordered_at" AS TIMESTAMPTZ) AS ordered_at,
        nullif(CAST("product_id" AS VARCHAR), '') AS product_id,
        CAST(NULL AS VARCHAR) AS category,
        TRY_CAST("quantity" AS DECIMAL(18,3)) AS quantity,
        TRY_CAST("unit_price" AS DECIMAL(18,4)) AS unit_price,
        coalesce(CAST(NULL AS DECIMAL(18,4)), 0) AS discount,
        CAST(NULL AS DECIMAL(18,4)) AS unit_cost,
        "colour" FROM landed
), refused AS (
    SELECT *, CASE WHEN order_id IS NULL THEN {'reason': 'missing_order_id', 'detail': 'order_id is required'}
        WHEN line_id IS NULL THEN {'reason': 'missing_line_id', 'detail': 'line_id is required'}
        WHEN customer_id IS NULL THEN {'reason': 'missing_customer_id', 'detail': 'customer_id is required'}
        WHEN nullif(_raw."ordered_at", '') IS NOT NULL AND ordered_at IS NULL THEN {'reason': 'bad_ordered_at', 'detail': 'ordered_at: "' || left(CAST(_raw."ordered_at" AS VARCHAR), 100) || '" is not TIMESTAMPTZ'}
        WHEN ordered_at < TIMESTAMPTZ '1970-01-02 00:00:00+00' OR ordered_at >= TIMESTAMPTZ '2200-01-01 00:00:00+00' THEN {'reason': 'bad_ordered_at', 'detail': 'ordered_at: "' || left(CAST(_raw."ordered_at" AS VARCHAR), 100) || '" is not between 1970-01-02 and 2200-01-01, so it stands for no date: map the true one, or leave such rows out'}
        WHEN ordered_at IS NULL THEN {'reason': 'missing_ordered_at', 'detail': 'ordered_at is required'}
        WHEN product_id IS NULL THEN {'reason': 'missing_product_id', 'detail': 'product_id is required'}
        WHEN nullif(_raw."quantity", '') IS NOT NULL AND quantity IS NULL THEN {'reason': 'bad_quantity', 'detail': 'quantity: "' || left(CAST(_raw."quantity" AS VARCHAR), 100) || '" is not DECIMAL(18,3)'}
        WHEN (TRY_CAST(_raw."quantity" AS DECIMAL(38, 23)) <> quantity OR quantity IS NOT NULL AND regexp_matches(_raw."quantity", '[.][0-9]{22,}[1-9]')) THEN {'reason': 'bad_quantity', 'detail': 'quantity: "' || left(CAST(_raw."quantity" AS VARCHAR), 100) || '" has more digits than DECIMAL(18,3) holds; round it in the mapping'}
        WHEN quantity IS NULL THEN {'reason': 'missing_quantity', 'detail': 'quantity is required'}
        WHEN _raw."unit_price" IS NOT NULL AND unit_price IS NULL THEN {'reason': 'bad_unit_price', 'detail': 'unit_price: "' || left(CAST(_raw."unit_price" AS VARCHAR), 100) || '" is not DECIMAL(18,4)'}
        WHEN TRY_CAST(_raw."unit_price" AS DECIMAL(38, 10)) <> unit_price THEN {'reason': 'bad_unit_price', 'detail': 'unit_price: "' || left(CAST(_raw."unit_price" AS VARCHAR), 100) || '" has more digits than DECIMAL(18,4) holds; round it in the mapping'}
        WHEN unit_price IS NULL THEN {'reason': 'missing_unit_price', 'detail': 'unit_price is required'} END AS _why FROM typed
)
SELECT _input, _row, order_id, line_id, customer_id, ordered_at, product_id, category, quantity, unit_price, discount, unit_cost, "colour", _why.reason AS _reason, _why.detail AS _detail,
    CASE WHEN _why IS NOT NULL THEN CAST(to_json(_raw) AS VARCHAR) END AS _landed,
    CAST(make_timestamp(epoch_us(ordered_at)) AS DATE) AS _day,
    CASE WHEN _why IS NULL THEN row_number() OVER (PARTITION BY _why IS NULL, _input, order_id, line_id, hash(order_id, line_id, customer_id, ordered_at, product_id, category, quantity, unit_price, discount, unit_cost, "colour") ORDER BY _row) END AS _copy
FROM refused
