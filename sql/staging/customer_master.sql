-- What is known of each customer besides what happened: the newest version before the
-- cutoff. Empty where no source gives customers.
WITH versions AS (
    SELECT
        customer_id,
        recorded_at,
        NULLIF(TRIM(name), '') AS name,
        NULLIF(TRIM(segment), '') AS segment,
        NULLIF(TRIM(region), '') AS region,
        CASE WHEN standing BETWEEN 0 AND 100 THEN CAST(standing AS DOUBLE) END AS standing,
        NULLIF(TRIM(key_contact), '') AS key_contact,
        CASE WHEN key_contact_since < cutoff() THEN key_contact_since END AS given_since
    FROM customers
),

ranked AS (
    SELECT
        *,
        ROW_NUMBER() OVER (
            PARTITION BY customer_id
            ORDER BY recorded_at DESC, name, segment, region, standing, key_contact, given_since
        ) AS place,
        MIN(recorded_at) OVER (PARTITION BY customer_id) AS known_since,
        COUNT(*) OVER (PARTITION BY customer_id) AS versions
    FROM versions
),

-- The last version that named another contact; the next one that names any brought the
-- present one. A version that names none changes nothing: it is not known, not nobody.
other_contacts AS (
    SELECT
        n.customer_id,
        MAX(v.recorded_at) AS recorded_at
    FROM ranked AS n
    INNER JOIN versions AS v
        ON n.customer_id = v.customer_id AND n.key_contact <> v.key_contact
    WHERE n.place = 1
    GROUP BY n.customer_id
),

contact_changes AS (
    SELECT
        v.customer_id,
        MIN(v.recorded_at) AS changed_at
    FROM versions AS v
    INNER JOIN other_contacts AS o
        ON v.customer_id = o.customer_id AND v.recorded_at > o.recorded_at
    WHERE v.key_contact IS NOT NULL
    GROUP BY v.customer_id
)

SELECT
    r.customer_id,
    r.name,
    r.segment,
    r.region,
    r.standing,
    r.key_contact,
    CASE WHEN r.key_contact IS NOT NULL THEN COALESCE(r.given_since, c.changed_at) END AS key_contact_since,
    r.recorded_at,
    r.known_since,
    CAST(r.versions AS INTEGER) AS versions
FROM ranked AS r
LEFT JOIN contact_changes AS c
    ON r.customer_id = c.customer_id
WHERE r.place = 1
