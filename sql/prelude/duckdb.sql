-- What differs between engines sits here. One file per engine, the same names in each.
-- Rendered by sqlfiles.Prelude; the models use only standard SQL and these macros.

-- The as-of day, and the local midnight that starts it. Everything is strictly before cutoff().
CREATE OR REPLACE MACRO as_of() AS DATE '{{.AsOf}}';
CREATE OR REPLACE MACRO cutoff() AS TIMESTAMP '{{.AsOf}} 00:00:00';

-- Start of the window of n days that ends at the cutoff.
CREATE OR REPLACE MACRO days_ago(n) AS cutoff() - to_days(CAST(n AS INTEGER));

-- Whole days from the day of ts to the as-of day: yesterday is 1.
CREATE OR REPLACE MACRO age_days(ts) AS CAST(date_diff('day', CAST(ts AS DATE), as_of()) AS INTEGER);

-- Day of the week of a timestamp or date: 1 is Monday, 7 is Sunday.
CREATE OR REPLACE MACRO iso_weekday(ts) AS CAST(EXTRACT(ISODOW FROM ts) AS INTEGER);

-- Business-local time of an instant.
CREATE OR REPLACE MACRO local_time(instant) AS timezone('{{.TimeZone}}', CAST(instant AS TIMESTAMPTZ));

-- Ratio as DOUBLE; NULL when b is 0 or unknown.
CREATE OR REPLACE MACRO safe_div(a, b) AS
    CASE WHEN b = 0 THEN NULL ELSE CAST(a AS DOUBLE) / CAST(b AS DOUBLE) END;

-- How many whole n-th parts of total fit into part; exact for DECIMAL with four places.
-- NULL when total is 0. HUGEINT, because a total near 0 fits in very often.
CREATE OR REPLACE MACRO whole_parts(part, total, n) AS
    CAST(part * 10000 AS HUGEINT) * n // NULLIF(CAST(total * 10000 AS HUGEINT), 0);

-- A count or sum over the last n days: nothing found is 0, but NULL when the records,
-- which begin on the day started_on, do not reach back that far (or there are none).
CREATE OR REPLACE MACRO if_known(amount, started_on, n) AS
    CASE WHEN started_on <= CAST(days_ago(n) AS DATE) THEN COALESCE(amount, 0) END;

-- Configuration.
CREATE OR REPLACE MACRO lookback_days() AS {{.LookbackDays}};
CREATE OR REPLACE MACRO horizon_days() AS {{.HorizonDays}};
CREATE OR REPLACE MACRO cross_sell_category_limit() AS {{.CrossSellCategoryLimit}};
CREATE OR REPLACE MACRO default_margin_rate() AS CAST({{.DefaultMarginRate}} AS DECIMAL(9, 6));
CREATE OR REPLACE MACRO risk_high() AS CAST({{.RiskHigh}} AS DOUBLE);
CREATE OR REPLACE MACRO risk_medium() AS CAST({{.RiskMedium}} AS DOUBLE);
