-- What the company itself says of the customer, as far as it is a number. NULL where no
-- customers are given, or not this one.
SELECT
    p.customer_id,
    m.standing,
    m.key_contact IS NOT NULL AS has_key_contact,
    CASE WHEN m.key_contact_since IS NOT NULL THEN age_days(m.key_contact_since) END AS key_contact_days,
    COALESCE(age_days(m.key_contact_since) <= 90, FALSE) AS key_contact_is_new
FROM population AS p
INNER JOIN customer_master AS m
    ON p.customer_id = m.customer_id
