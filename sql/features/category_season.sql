-- Is the season of the category coming? The share of its order lines of the last 365 days that fell
-- into the coming horizon's like a year ago, beside that share of all order lines.
WITH sold AS (
    SELECT
        category,
        COUNT(*) AS lines,
        COUNT(*) FILTER (WHERE ordered_at < days_ago(365 - horizon_days())) AS lines_season
    FROM order_lines
    WHERE ordered_at >= days_ago(365)
    GROUP BY category
),

everything AS (
    SELECT safe_div(SUM(lines_season), SUM(lines)) AS season_share
    FROM sold
),

rated AS (
    SELECT
        s.category,
        safe_div(if_known(s.lines_season, h.started_on, 365), s.lines) AS season_share,
        e.season_share AS season_share_all
    FROM sold AS s
    CROSS JOIN everything AS e
    CROSS JOIN history AS h
)

SELECT
    p.customer_id,
    p.category,
    r.season_share AS category_season_share,
    safe_div(r.season_share, r.season_share_all) AS category_season_index
FROM cross_sell_pairs AS p
LEFT JOIN rated AS r
    ON p.category = r.category
