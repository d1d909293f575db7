-- Which windows the records reach back to: where the flag is 0, features of that window are NULL.
SELECT
    p.customer_id,
    COALESCE(if_known(1, h.started_on, 7), 0) AS history_7_known,
    COALESCE(if_known(1, h.started_on, 14), 0) AS history_14_known,
    COALESCE(if_known(1, h.started_on, 30), 0) AS history_30_known,
    COALESCE(if_known(1, h.started_on, 60), 0) AS history_60_known,
    COALESCE(if_known(1, h.started_on, 90), 0) AS history_90_known,
    COALESCE(if_known(1, h.started_on, 180), 0) AS history_180_known,
    COALESCE(if_known(1, h.started_on, 365), 0) AS history_365_known,
    COALESCE(if_known(1, h.started_on, 455), 0) AS history_455_known,
    COALESCE(if_known(1, h.started_on, 2 * horizon_days()), 0) AS history_two_horizons_known,
    COALESCE(if_known(1, i.interactions_since, 7), 0) AS interactions_7_known,
    COALESCE(if_known(1, i.interactions_since, 30), 0) AS interactions_30_known,
    COALESCE(if_known(1, i.interactions_since, 90), 0) AS interactions_90_known,
    COALESCE(if_known(1, i.browsing_since, 7), 0) AS browsing_7_known,
    COALESCE(if_known(1, i.browsing_since, 30), 0) AS browsing_30_known,
    COALESCE(if_known(1, i.browsing_since, 90), 0) AS browsing_90_known,
    COALESCE(if_known(1, i.campaigns_since, 7), 0) AS campaigns_7_known,
    COALESCE(if_known(1, i.campaigns_since, 30), 0) AS campaigns_30_known,
    COALESCE(if_known(1, i.campaigns_since, 90), 0) AS campaigns_90_known,
    COALESCE(if_known(1, i.campaigns_since, 180), 0) AS campaigns_180_known,
    COALESCE(if_known(1, i.service_since, 90), 0) AS service_90_known,
    COALESCE(if_known(1, i.service_since, 180), 0) AS service_180_known,
    COALESCE(if_known(1, i.returns_since, 30), 0) AS returns_30_known,
    COALESCE(if_known(1, i.returns_since, 90), 0) AS returns_90_known,
    COALESCE(if_known(1, i.returns_since, 180), 0) AS returns_180_known,
    COALESCE(if_known(1, i.returns_since, 365), 0) AS returns_365_known,
    COALESCE(if_known(1, m.payments_since, 180), 0) AS payments_180_known
FROM population AS p
CROSS JOIN history AS h
CROSS JOIN interaction_history AS i
CROSS JOIN payment_history AS m
