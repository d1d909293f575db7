-- What could be offered to whom: active customers times offered categories,
-- without those that the customer bought in the lookback window.
SELECT
    p.customer_id,
    c.category
FROM population AS p
CROSS JOIN cross_sell_categories AS c
LEFT JOIN owned_categories AS o
    ON p.customer_id = o.customer_id AND c.category = o.category
WHERE o.category IS NULL
