-- The constants and rules of the tables about customers: mining in mainstay.yaml.
CREATE OR REPLACE MACRO tier_best_share() AS CAST({{decimal .BestShare}} AS DECIMAL(9, 6));
CREATE OR REPLACE MACRO tier_second_share() AS CAST({{decimal .SecondShare}} AS DECIMAL(9, 6));
CREATE OR REPLACE MACRO four_tiers() AS TABLE
    SELECT CAST(tier AS INTEGER) AS tier, CAST(share_to AS DECIMAL(9, 6)) AS share_to
    FROM (VALUES {{range $i, $share := .FourTiers}}{{if $i}}, {{end}}({{inc $i}}, {{decimal $share}}){{end}}) AS t(tier, share_to);
CREATE OR REPLACE MACRO class_count() AS {{.Classes}};
CREATE OR REPLACE MACRO loyalty_threshold() AS CAST({{decimal .LoyaltyThreshold}} AS DOUBLE);
CREATE OR REPLACE MACRO high_potential_share() AS CAST({{decimal .HighPotentialShare}} AS DECIMAL(9, 6));

-- The scorecard: weight of an indicator, and the letter of a score from 0 to 100.
CREATE OR REPLACE MACRO grade_weight(indicator) AS CAST(CASE indicator{{range .GradeWeights}}
    WHEN {{text .Indicator}} THEN {{decimal .Weight}}{{end}}
END AS DECIMAL(9, 6));
-- The lowest rating of the scale, which a complaint counts as.
CREATE OR REPLACE MACRO satisfaction_lowest() AS CAST({{decimal .SatisfactionLowest}} AS DECIMAL(9, 3));
CREATE OR REPLACE MACRO financing_rate() AS CAST({{decimal .FinancingRate}} AS DECIMAL(9, 6));
CREATE OR REPLACE MACRO grade_letter(score) AS CASE
    WHEN score >= {{decimal (index .Letters 0)}} THEN 'A'
    WHEN score >= {{decimal (index .Letters 1)}} THEN 'B'
    WHEN score >= {{decimal (index .Letters 2)}} THEN 'C'
    WHEN score >= {{decimal (index .Letters 3)}} THEN 'D'
    WHEN score IS NOT NULL THEN 'E'
END;

-- How customers pay: the grade is the worse of two scales, days late and the share overdue.
CREATE OR REPLACE MACRO credit_letter(days_late, overdue_share) AS CASE
    WHEN days_late IS NULL OR overdue_share IS NULL THEN NULL
    WHEN days_late > {{decimal (index .CreditDaysLate 3)}} OR overdue_share > {{decimal (index .CreditOverdueShare 3)}} THEN 'E'
    WHEN days_late > {{decimal (index .CreditDaysLate 2)}} OR overdue_share > {{decimal (index .CreditOverdueShare 2)}} THEN 'D'
    WHEN days_late > {{decimal (index .CreditDaysLate 1)}} OR overdue_share > {{decimal (index .CreditOverdueShare 1)}} THEN 'C'
    WHEN days_late > {{decimal (index .CreditDaysLate 0)}} OR overdue_share > {{decimal (index .CreditOverdueShare 0)}} THEN 'B'
    ELSE 'A'
END;

-- Rules for the level of relationship; the lowest priority that fits decides.
CREATE OR REPLACE MACRO relationship_rules() AS TABLE
    SELECT
        CAST(priority AS INTEGER) AS priority, CAST(level AS VARCHAR) AS level,
        CAST(min_margin AS DOUBLE) AS min_margin, CAST(max_customers AS BIGINT) AS max_customers
    FROM (VALUES{{range $i, $r := .Relationship}}{{if $i}},{{end}}
        ({{inc $i}}, {{text $r.Level}}, {{decimal $r.MinMargin}}, {{if $r.MaxCustomers}}{{$r.MaxCustomers}}{{else}}NULL{{end}}){{end}}
    ) AS t(priority, level, min_margin, max_customers);

CREATE OR REPLACE MACRO new_days() AS {{.NewDays}};
CREATE OR REPLACE MACRO new_orders() AS {{.NewOrders}};
CREATE OR REPLACE MACRO growth_share() AS CAST({{decimal .GrowthShare}} AS DOUBLE);
CREATE OR REPLACE MACRO at_risk_percentile() AS CAST({{decimal .AtRiskPercentile}} AS DOUBLE);
CREATE OR REPLACE MACRO min_gaps() AS {{.MinGaps}};

CREATE OR REPLACE MACRO alert_spend_z() AS CAST({{decimal .AlertSpendZ}} AS DOUBLE);
CREATE OR REPLACE MACRO alert_spend_floor() AS CAST({{decimal .AlertSpendFloor}} AS DOUBLE);
CREATE OR REPLACE MACRO alert_complaint_open_days() AS {{.ComplaintOpenDays}};
CREATE OR REPLACE MACRO alert_complaints() AS {{.Complaints}};
CREATE OR REPLACE MACRO alert_complaints_days() AS {{.ComplaintsDays}};
CREATE OR REPLACE MACRO alert_category_stopped_days() AS {{.CategoryStoppedDays}};
CREATE OR REPLACE MACRO alert_key_contact_days() AS {{.KeyContactDays}};
CREATE OR REPLACE MACRO sensitive_categories() AS TABLE
    SELECT category
    FROM (SELECT UNNEST(CAST({{texts .SensitiveCategories}} AS VARCHAR[])) AS category) AS t;

CREATE OR REPLACE MACRO max_contacts() AS {{.MaxContacts}};
CREATE OR REPLACE MACRO abuse_percentile() AS CAST({{decimal .AbusePercentile}} AS DOUBLE);
CREATE OR REPLACE MACRO abuse_min_cases() AS {{.AbuseMinCases}};

-- Rules for the next best action. A condition that is NULL holds for everyone; the lowest
-- priority comes first where gains are equal.
CREATE OR REPLACE MACRO action_rules() AS TABLE
    SELECT
        CAST(priority AS INTEGER) AS priority, CAST(action AS VARCHAR) AS action, CAST(reason AS VARCHAR) AS reason,
        CAST(tiers AS VARCHAR[]) AS tiers, CAST(risk_bands AS VARCHAR[]) AS risk_bands, CAST(loyal AS BOOLEAN) AS loyal,
        CAST(stages AS VARCHAR[]) AS stages, CAST(alerts AS VARCHAR[]) AS alerts, CAST(top_category AS BOOLEAN) AS top_category,
        CAST(is_contact AS BOOLEAN) AS is_contact, CAST(cost AS DECIMAL(18, 2)) AS cost,
        CAST(probability_change AS DOUBLE) AS probability_change, CAST(at_stake AS VARCHAR) AS at_stake
    FROM (VALUES{{range $i, $a := .Actions}}
        ({{inc $i}}, {{text $a.Name}}, {{text $a.Reason}}, {{conditions $a.Tiers}}, {{conditions $a.RiskBands}}, {{condition $a.Loyal}}, {{conditions $a.Stages}}, {{conditions $a.Alerts}}, {{condition $a.TopCategory}}, {{$a.IsContact}}, {{decimal $a.Cost}}, {{decimal $a.Change}}, {{text $a.AtStake}}),{{end}}
        (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
    ) AS t(priority, action, reason, tiers, risk_bands, loyal, stages, alerts, top_category, is_contact, cost, probability_change, at_stake)
    WHERE priority IS NOT NULL;

-- Does a condition of a rule hold for a value, or for one of a list of values?
CREATE OR REPLACE MACRO rule_holds(condition, value) AS
    condition IS NULL OR COALESCE(list_contains(condition, value), false);
CREATE OR REPLACE MACRO rule_holds_any(condition, found) AS
    condition IS NULL OR COALESCE(list_has_any(condition, found), false);

-- A probability in words for people. The last percent on either side is never rounded away:
-- nothing is certain.
CREATE OR REPLACE MACRO probability_words(p) AS CASE
    WHEN p >= 0.995 THEN '>99 %'
    WHEN p < 0.005 THEN '<1 %'
    ELSE CAST(CAST(100 * p AS DECIMAL(5, 0)) AS VARCHAR) || ' %'
END;

CREATE OR REPLACE MACRO kpi_days() AS {{.KPIDays}};
CREATE OR REPLACE MACRO kpi_months() AS {{.KPIMonths}};
CREATE OR REPLACE MACRO top_share() AS CAST({{decimal .TopShare}} AS DECIMAL(9, 6));
CREATE OR REPLACE MACRO what_if_points() AS TABLE
    SELECT CAST(points AS DOUBLE) AS points
    FROM (SELECT UNNEST(CAST([{{range $i, $x := .WhatIfPoints}}{{if $i}}, {{end}}{{decimal $x}}{{end}}] AS DOUBLE[])) AS points) AS t;

-- How a feature of customers is told, with {value} for the value, and whether it is a
-- yes/no: from the sidecars of features/.
CREATE OR REPLACE MACRO feature_words() AS TABLE
    SELECT CAST(feature AS VARCHAR) AS feature, CAST(say AS VARCHAR) AS say, CAST(is_flag AS BOOLEAN) AS is_flag
    FROM (VALUES{{range .FeatureWords}}
        ({{text .Feature}}, {{text .Say}}, {{.IsFlag}}),{{end}}
        (NULL, NULL, NULL)
    ) AS t(feature, say, is_flag)
    WHERE feature IS NOT NULL;
-- A mean for people; of a yes/no, the percentage of whom it holds.
CREATE OR REPLACE MACRO mean_in_words(mean, is_flag) AS
    CASE WHEN is_flag THEN CAST(CAST(ROUND(100 * mean) AS INTEGER) AS VARCHAR) || ' %'
    ELSE CAST(CAST(mean AS DECIMAL(18, 2)) AS VARCHAR) END;
