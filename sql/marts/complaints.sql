-- Every complaint: how long it took, and whether the customer bought again afterwards. A
-- complaint that refers to another one reopens it, and is open itself until it is resolved.
WITH details AS (
    SELECT
        interaction_id,
        channel,
        order_id,
        product_id,
        category,
        reference_id
    FROM interactions
    WHERE kind = 'complaint'
),

cases AS (
    SELECT
        c.interaction_id,
        c.customer_id,
        c.complained_at,
        c.resolved_at,
        c.is_open,
        c.days_to_resolve,
        GREATEST(c.resolved_at, c.complained_at) AS settled_at,
        d.channel,
        d.order_id,
        d.product_id,
        d.category,
        d.reference_id
    FROM complaint_cases AS c
    INNER JOIN details AS d
        ON c.interaction_id = d.interaction_id
),

reopened AS (
    SELECT
        reference_id AS interaction_id,
        MIN(complained_at) AS reopened_at
    FROM cases
    WHERE reference_id <> interaction_id
    GROUP BY reference_id
),

bought AS (
    SELECT
        c.interaction_id,
        MIN(o.ordered_on) AS bought_again_on
    FROM cases AS c
    INNER JOIN customer_orders AS o
        ON c.customer_id = o.customer_id AND o.ordered_at > c.settled_at
    GROUP BY c.interaction_id
)

SELECT
    as_of() AS as_of,
    c.interaction_id AS complaint_id,
    c.customer_id,
    c.complained_at,
    c.channel,
    c.order_id,
    c.product_id,
    c.category,
    r.interaction_id AS reopens_complaint_id,
    c.is_open,
    CASE WHEN c.is_open THEN age_days(c.complained_at) END AS days_open,
    c.resolved_at,
    c.days_to_resolve,
    COALESCE(c.resolved_at < c.complained_at, FALSE) AS resolved_before_opened,
    o.reopened_at,
    CASE WHEN NOT c.is_open THEN b.bought_again_on IS NOT NULL END AS bought_again,
    b.bought_again_on
FROM cases AS c
LEFT JOIN details AS r
    ON c.reference_id = r.interaction_id AND c.reference_id <> c.interaction_id
LEFT JOIN reopened AS o
    ON c.interaction_id = o.interaction_id
LEFT JOIN bought AS b
    ON c.interaction_id = b.interaction_id
