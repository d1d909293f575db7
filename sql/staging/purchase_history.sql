-- The past of each customer in the five numbers that purchase process models ask for.
-- Two orders on one day are one: such models count visits. A return is taken off the order that
-- it names; else off the repeat orders, if it came back on the second order day or later.
WITH days AS (
    SELECT
        customer_id,
        ordered_on,
        SUM(margin) AS margin,
        ROW_NUMBER() OVER (PARTITION BY customer_id ORDER BY ordered_on) AS place
    FROM customer_orders
    GROUP BY customer_id, ordered_on
),

sent_back AS (
    SELECT
        r.customer_id,
        r.margin,
        COALESCE(o.ordered_on, CAST(r.returned_at AS DATE)) AS counts_on
    FROM returns AS r
    LEFT JOIN customer_orders AS o
        ON r.order_id = o.order_id AND r.customer_id = o.customer_id
),

lost AS (
    SELECT
        s.customer_id,
        SUM(s.margin) AS margin
    FROM sent_back AS s
    INNER JOIN days AS d
        ON s.customer_id = d.customer_id AND d.place = 2
    WHERE s.counts_on >= d.ordered_on
    GROUP BY s.customer_id
),

earned AS (
    SELECT
        customer_id,
        MAX(age_days(ordered_on)) AS first_age_days,
        MAX(CASE WHEN place = 2 THEN age_days(ordered_on) END) AS second_age_days,
        MIN(age_days(ordered_on)) AS last_age_days,
        COUNT(*) AS order_days,
        COALESCE(SUM(CASE WHEN place > 1 THEN margin END), 0) AS margin
    FROM days
    GROUP BY customer_id
)

SELECT
    e.customer_id,
    e.first_age_days,
    e.second_age_days,
    e.last_age_days,
    e.order_days,
    CAST(e.margin - COALESCE(l.margin, 0) AS DECIMAL(38, 4)) AS repeat_margin
FROM earned AS e
LEFT JOIN lost AS l
    ON e.customer_id = l.customer_id
