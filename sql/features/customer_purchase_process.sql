-- What the purchase process expects of the customer; fitted at the cutoff, from the orders before it.
-- The probability of being a customer still is left out: beside the others it adds nothing, and
-- as a reason it reads the wrong way round.
SELECT
    p.customer_id,
    e.p_no_order_h,
    e.expected_orders_h,
    e.expected_orders_365,
    e.expected_margin_per_order,
    e.expected_orders_h * e.expected_margin_per_order AS expected_margin_h,
    e.one_time_return_h
FROM population AS p
INNER JOIN purchase_process AS e
    ON p.customer_id = e.customer_id
