package jobs

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mainstay-etl/mainstay/models/explain"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	sqlfiles "github.com/mainstay-etl/mainstay/sql"
)

// goTables describes the tables that jobs in Go make, as sidecars do for SQL models.
// Features and reasons are described by the sidecars of the feature files.
var goTables = map[string]sqlfiles.Sidecar{
	rowAccountsTable: {
		Key: []string{"kind", "source", "as_of", "table_name", "input", "input_id"}, // a certificate has no input
		Columns: []sqlfiles.Column{
			{Name: "source", Meaning: "Source in mainstay.yaml."},
			{Name: "kind", Meaning: "input: what became of the rows of one input; certificate: a table of a source compared with the lake, key by key; expired: a file of the lake (input) whose rows, stored before, were let go because they had become old."},
			{Name: "input", Meaning: "What was read: a file, by its path below the source's folder, or a range of a database table; NULL for a certificate."},
			{Name: "input_id", Meaning: "Number of this reading of the input; a changed file or mapping is read anew under another number."},
			{Name: "table_name", Meaning: "Contract table that the rows were mapped to; (unparsed) for records that could not be taken apart."},
			{Name: "rows_read", Meaning: "Rows that the mapping gave.", Unit: "rows"},
			{Name: "rows_stored", Meaning: "Rows written to the lake.", Unit: "rows"},
			{Name: "rows_duplicate", Meaning: "Left out: exact copies of a row of the same input, and rows of a database that the lake holds already.", Unit: "rows"},
			{Name: "rows_quarantined", Meaning: "Rows refused; see quarantine.", Unit: "rows"},
			{Name: "rows_forgotten", Meaning: "Rows of people who are to be forgotten: left out, or taken out later. Certificates: rows of theirs that the source still holds.", Unit: "rows"},
			{Name: "as_of", Meaning: "Night that read the input."},
			{Name: "replaced", Meaning: "A later version of the input took its place; its rows no longer count."},
			{Name: "source_rows", Meaning: "Certificates: rows that the source's table held, in the snapshot that was read, without rows_forgotten.", Unit: "rows"},
			{Name: "lake_rows", Meaning: "Certificates: rows of it that the lake held afterwards, newest versions.", Unit: "rows"},
			{Name: "lake_quarantined", Meaning: "Certificates: rows of it that were in quarantine afterwards, newest versions.", Unit: "rows"},
			{Name: "rows_deleted", Meaning: "Certificates: rows that the source no longer had, which were marked as deleted.", Unit: "rows"},
			{Name: "source_checksum", Meaning: "Certificates: sum of the digests of the source's rows, computed by the source."},
			{Name: "lake_checksum", Meaning: "Certificates: sum of the digests of the rows in the lake and in quarantine."},
			{Name: "matches", Meaning: "Certificates: the lake held what the source held, in every chunk of its keys."},
		},
		Checks: []sqlfiles.Check{{Kind: sqlfiles.Expression, Name: "every row is accounted for", SQL: "kind <> 'input' OR rows_read = rows_stored + rows_duplicate + rows_quarantined + rows_forgotten", Severity: sqlfiles.SeverityError}},
	},
	quarantineTable: {
		Columns: []sqlfiles.Column{
			{Name: "source", Meaning: "Source in mainstay.yaml."},
			{Name: "table_name", Meaning: "Contract table that the row was mapped to."},
			{Name: "input", Meaning: "File, or range of a database table, that it came from."},
			{Name: "record", Meaning: "Number of the record in its input, from 1; for unparsed CSV records the line, as detail says."},
			{Name: "reason", Meaning: "Why it was refused: missing_COLUMN, bad_COLUMN, unrepresentable_value or malformed_record."},
			{Name: "detail", Meaning: "The reason with the value."},
			{Name: "row", Meaning: "The row as it came, as JSON."},
			{Name: "as_of", Meaning: "Night that refused it."},
		},
		Checks: []sqlfiles.Check{{Kind: sqlfiles.NotNull, Columns: []string{"source", "table_name", "reason", "row"}, Severity: sqlfiles.SeverityError}},
	},
	nightsTable: {
		Key: []string{"as_of"},
		Columns: []sqlfiles.Column{
			{Name: "as_of", Meaning: "As-of day: the night saw the events before it."},
			{Name: "mainstay_version", Meaning: "Version of mainstay that made it."},
			{Name: "config", Meaning: "Fingerprint of its configuration and SQL models."},
			{Name: "lake", Meaning: "Digest of the events that it saw."},
			{Name: "directory", Meaning: "Its tables as Parquet, below the data directory."},
		},
	},
	modelVersionsTable: {
		Key: []string{"task"},
		Columns: []sqlfiles.Column{
			{Name: "task", Meaning: "What is predicted: churn or cross_sell."},
			{Name: "model_version", Meaning: "Version of the model that gave the scores: the last cutoff that it learned from, its kind and a hash."},
			{Name: "estimator", Meaning: "Kind of the model: linear, forest, boost, blend, or the simple rule."},
			{Name: "use", Meaning: "challenger: the one just learned took over; champion: the one in service stays; rule: there is no model to trust, so the best simple rule scores."},
			{Name: "challenger_version", Meaning: "Version of the model just learned.", Missing: "without enough to learn from"},
			{Name: "champion_version", Meaning: "Version in service before this one learned.", Missing: "when there was none"},
			{Name: "learned_until", Meaning: "Last cutoff that it learned from.", Missing: "when it learned from none"},
			{Name: "cutoffs", Meaning: "Cutoffs that it learned from.", Unit: "cutoffs"},
			{Name: "rows", Meaning: "Rows that it learned from, after sampling.", Unit: "rows"},
			{Name: "positives", Meaning: "Of these, the ones to which it happened.", Unit: "rows"},
			{Name: "features", Meaning: "Features that it looks at.", Unit: "features"},
			{Name: "reason", Meaning: "What the gates said, in words."},
			{Name: "file", Meaning: "Its file, below the data directory."},
			{Name: "sha256", Meaning: "Digest of the file."},
			{Name: "basis", Meaning: "Fingerprint of what was learned from and how; nights with the same one learn nothing anew."},
		},
		Checks: []sqlfiles.Check{{Kind: sqlfiles.NotNull, Columns: []string{"model_version", "estimator", "use", "file", "sha256"}, Severity: sqlfiles.SeverityError}},
	},
	modelMetricsTable: {Key: []string{"task", "estimator", "data", "metric"}, Columns: metricDocs},
	scoreGradesTable: {
		Key:     []string{"scored_as_of", "task", "metric"},
		Columns: gradeDocs,
	},
	purchaseProcess: {
		Key: []string{"customer_id"},
		Columns: []sqlfiles.Column{
			{Name: "customer_id", Meaning: "Customer who ever ordered."},
			{Name: "p_alive", Meaning: "Probability that the customer has not left for good; a one-time buyer may have left too.", Missing: "while orders are known for less than a horizon", Unit: "probability", Range: "0 to 1", Source: "BG/NBD (Fader, Hardie, Lee 2005), one-time buyers as in MBG/NBD (Batislam et al. 2007)."},
			{Name: "p_no_order_h", Meaning: "Probability of no order in the horizon.", Missing: "while orders are known for less than a horizon", Unit: "probability", Range: "0 to 1", Source: "BG/NBD (Fader, Hardie, Lee 2005)."},
			{Name: "expected_orders_h", Meaning: "Expected days with an order in the horizon.", Missing: "while orders are known for less than a horizon", Unit: "orders", Range: ">= 0", Source: "BG/NBD (Fader, Hardie, Lee 2005)."},
			{Name: "expected_orders_365", Meaning: "Expected days with an order in the next 365 days.", Missing: "while orders are known for less than two horizons", Unit: "orders", Range: ">= 0", Source: "BG/NBD (Fader, Hardie, Lee 2005)."},
			{Name: "expected_margin_per_order", Meaning: "Expected margin of such a day.", Missing: "while orders are known for less than a horizon", Unit: "money", Source: "Gamma-Gamma (Fader, Hardie 2013)."},
			{Name: "one_time_return_h", Meaning: "Share of customers with one order day, as old as this one, who order again in the horizon.", Missing: "for customers with several order days, and while orders are known for less than a horizon", Unit: "probability", Range: "0 to 1", Source: "Life table by week since the first order."},
			{Name: "purchase_model", Meaning: "Model behind the orders: bg/nbd, or empirical where it could not be fitted."},
			{Name: "value_model", Meaning: "Model behind the margin: gamma-gamma, or credibility where it could not be fitted."},
		},
		Checks: []sqlfiles.Check{
			{Kind: sqlfiles.NotNull, Columns: []string{"customer_id", "purchase_model", "value_model"}, Severity: sqlfiles.SeverityError},
			{Kind: sqlfiles.Expression, Name: "probabilities", SQL: "coalesce(p_alive BETWEEN 0 AND 1 AND p_no_order_h BETWEEN 0 AND 1 AND expected_orders_h >= 0, true)", Severity: sqlfiles.SeverityError},
		},
	},
	loyaltyCoefficients: {
		Key: []string{"term"},
		Columns: []sqlfiles.Column{
			{Name: "term", Meaning: "intercept, orders, products, units or revenue: what the coefficient goes with, as log(1 + x) of the figure per year (customer_loyalty)."},
			{Name: "coefficient", Meaning: "Coefficient in log-odds; 0 for a term that says nothing beyond the others. Empty table: not fitted yet, nobody's loyalty is known.", Range: ">= 0, but the intercept", Source: "Logistic regression by maximum likelihood with coefficients >= 0 and a small ridge."},
			{Name: "standard_error", Meaning: "Standard error, allowing for customers who occur at several cutoffs.", Missing: "for a coefficient held at 0", Source: "Sandwich by customer (Liang, Zeger 1986)."},
			{Name: "n", Meaning: "Customers that it was fitted on, counted once per cutoff.", Unit: "customers"},
			{Name: "positives", Meaning: "Of these, those who ordered at least twice in the horizon.", Unit: "customers"},
			{Name: "log_likelihood", Meaning: "Log-likelihood of the outcomes."},
			{Name: "cutoffs", Meaning: "Cutoffs that it was fitted on, at least a horizon apart."},
		},
		Checks: []sqlfiles.Check{
			{Kind: sqlfiles.NotNull, Columns: []string{"term", "coefficient"}, Severity: sqlfiles.SeverityError},
			{Kind: sqlfiles.Expression, Name: "more_never_lowers", SQL: "term = 'intercept' OR coefficient >= 0", Severity: sqlfiles.SeverityError},
		},
	},
	valueDriverEffects: {
		Key: []string{"feature"},
		Columns: []sqlfiles.Column{
			{Name: "feature", Meaning: "Column of customer_features; amounts of money are left out, as they are what is to be explained. Empty table: too few customers to learn from."},
			{Name: "effect", Meaning: "What the feature does to the score for being among the best tenth by margin, beside all other features: mean size over customers that the model has not seen.", Unit: "log-odds", Range: "> 0", Source: "Gradient boosted trees and exact Shapley values (TreeSHAP, Lundberg et al. 2020)."},
			{Name: "direction", Meaning: "more where a higher value makes it likelier to be among the best tenth, less where it makes it less likely.", Missing: "where neither can be said"},
			{Name: "auc", Meaning: "How well the model tells the best tenth from the others, on the third of the customers that it did not learn from; 0.5 is chance.", Range: "0 to 1"},
			{Name: "customers", Meaning: "Customers that it learned from.", Unit: "customers"},
			{Name: "best_customers", Meaning: "Of these, those among the best tenth.", Unit: "customers"},
		},
		Checks: []sqlfiles.Check{
			{Kind: sqlfiles.NotNull, Columns: []string{"feature", "effect", "auc", "customers", "best_customers"}, Severity: sqlfiles.SeverityError},
			{Kind: sqlfiles.Expression, Name: "effects", SQL: "effect > 0 AND auc BETWEEN 0 AND 1", Severity: sqlfiles.SeverityError},
		},
	},
	churnReasons:     {Key: []string{"customer_id", "rank"}, Columns: reasonDocs},
	crossSellReasons: {Key: []string{"customer_id", "category", "rank"}, Columns: reasonDocs},
}

var metricDocs = []sqlfiles.Column{
	{Name: "task", Meaning: "What is predicted: churn or cross_sell."},
	{Name: "model_version", Meaning: "Version of the model: the last cutoff that it learned from, its kind and a hash."},
	{Name: "estimator", Meaning: "What was judged: the model, the best simple rule, or the champion."},
	{Name: "data", Meaning: "What it was judged on: a later time than it learned from."},
	{Name: "metric", Meaning: "auc, average_precision, log_loss, brier, lift_top_10, calibration_error, base_rate, mean_probability; for cross-sell also hit_at_3 and auc_within_customer."},
	{Name: "value", Meaning: "Value of the metric."},
	{Name: "low", Meaning: "Lower end of its 95 % interval, by resampling customers.", Missing: "where it was not resampled"},
	{Name: "high", Meaning: "Upper end of that interval.", Missing: "where it was not resampled"},
	{Name: "n", Meaning: "Rows that it was measured on (customers for hit_at_3 and auc_within_customer)."},
}

var gradeDocs = []sqlfiles.Column{
	{Name: "scored_as_of", Meaning: "As-of day of the scores."},
	{Name: "task", Meaning: "What was predicted: churn or cross_sell."},
	{Name: "model_version", Meaning: "Version of the model, or rule, that gave the scores."},
	{Name: "estimator", Meaning: "published: the scores as analysts saw them, whatever gave them."},
	{Name: "data", Meaning: "What they were judged by: the outcome of their day's horizon."},
	{Name: "metric", Meaning: "auc, average_precision, log_loss, brier, lift_top_10, calibration_error, base_rate, mean_probability. Churn also stake_total (current value, as of the scores, of those who left), stake_top_10 (share of it in the tenth at most risk) and stake_best_10 (the most that a tenth could hold). Cross-sell also hit_at_3 and auc_within_customer, by the published rank, stake_total (first_year_margin, as of the scores, of what was bought), stake_top_3 (share of it in each customer's first three offers) and stake_best_3 (the most that three offers could hold). No stakes where that night did not tell of them or nothing was lost or bought. unmatched, where there are any: scores left out because no outcome is known of them."},
	{Name: "value", Meaning: "Value of the metric."},
	{Name: "low", Meaning: "Lower end of its 95 % interval, by resampling customers; of stakes, whose offers and tenths stay as they were.", Missing: "for calibration_error, base_rate, mean_probability and unmatched"},
	{Name: "high", Meaning: "Upper end of that interval.", Missing: "as low"},
	{Name: "n", Meaning: "Rows that it was measured on (customers for hit_at_3 and auc_within_customer; all scores for unmatched)."},
}

var reasonDocs = []sqlfiles.Column{
	{Name: "customer_id", Meaning: "The customer."},
	{Name: "category", Meaning: "The category offered."},
	{Name: "rank", Meaning: "1 for the feature that moved the score most."},
	{Name: "feature", Meaning: "Feature, a column of customer_features or customer_category_features."},
	{Name: "value", Meaning: "Its value; NULL where it is not known."},
	{Name: "direction", Meaning: "raises or lowers the probability."},
	{Name: "effect", Meaning: "By how much, in log-odds: base and all effects add up to the score.", Source: "Shapley values (TreeSHAP, Lundberg et al. 2018); those of a forest are scaled to log-odds."},
	{Name: "sentence", Meaning: "The reason in words."},
}

// sidecar finds what is known of a published table.
func (p *Project) sidecar(table string) (sqlfiles.Sidecar, bool) {
	if s, ok := goTables[table]; ok {
		return s, true
	}
	if m, ok := p.Models.Get(table); ok && m.Sidecar != nil {
		return *m.Sidecar, true
	}
	keys := map[string][]string{customerFeatures: {"customer_id"}, customerCategoryFeatures: {"customer_id", "category"}}
	key, ok := keys[table]
	if !ok {
		return sqlfiles.Sidecar{}, false
	}
	s := sqlfiles.Sidecar{Key: key, Columns: []sqlfiles.Column{
		{Name: "as_of", Meaning: "As-of day: features know the events before it."},
		{Name: "customer_id", Meaning: "Active customer."},
		{Name: "category", Meaning: "Category not bought in the lookback window."},
	}}
	for _, m := range p.Models.Layer(sqlfiles.Features) {
		if m.Sidecar == nil {
			continue
		}
		s.Columns = append(s.Columns, m.Sidecar.Columns...)
		// What is an error held already when the snapshot was made; what warns is told in
		// every night that publishes the table, made by it or reused.
		if slices.Equal(m.Sidecar.Key, key) {
			s.Checks = append(s.Checks, m.Sidecar.Warnings()...)
		}
	}
	return s, true
}

// columnDocs are the comments on a published table's columns.
func (p *Project) columnDocs(table string) map[string]string {
	out := map[string]string{}
	s, _ := p.sidecar(table)
	for _, c := range s.Columns {
		text := c.Meaning
		if c.Unit != "" {
			text += " Unit: " + c.Unit + "."
		}
		if c.Range != "" {
			text += " Range: " + c.Range + "."
		}
		if c.Source != "" {
			text += " Source: " + c.Source
		}
		out[c.Name] = strings.TrimSpace(text)
	}
	return out
}

// checks are what must hold of a published table: its keys are unique, and what its
// sidecar says.
func (p *Project) checks(table string) []duck.Check {
	s, ok := p.sidecar(table)
	if !ok {
		return nil
	}
	return sidecarChecks(table, s)
}

func sidecarChecks(table string, s sqlfiles.Sidecar) []duck.Check {
	var out []duck.Check
	add := func(severity sqlfiles.Severity, c duck.Check) {
		c.Severity = cmp.Or(string(severity), severityError)
		out = append(out, c)
	}
	unique := false
	for _, c := range s.Checks {
		switch c.Kind {
		case sqlfiles.Unique:
			unique = unique || strings.Join(c.Columns, ",") == strings.Join(s.Key, ",")
			add(c.Severity, duck.Unique(table, c.Columns))
		case sqlfiles.NotNull:
			for _, col := range c.Columns {
				add(c.Severity, duck.NotNull(table, col))
			}
		case sqlfiles.AcceptedValues:
			add(c.Severity, duck.Accepted(table, c.Column, c.Values))
		case sqlfiles.Range:
			add(c.Severity, duck.InRange(table, c.Column, c.Min, c.Max))
		case sqlfiles.Expression:
			add(c.Severity, duck.Holds(table, c.Name, c.SQL))
		case sqlfiles.Relationships:
			add(c.Severity, duck.Related(table, c.Column, c.To, c.Field))
		}
	}
	if len(s.Key) > 0 && !unique {
		add(sqlfiles.SeverityError, duck.Unique(table, s.Key))
	}
	return out
}

// checkModel runs the checks of a model that was just made in a session, all in one
// query, so that what breaks a rule is named where it is made, not where it surfaces.
func checkModel(ctx context.Context, s *session, m sqlfiles.Model) error {
	if m.Sidecar == nil {
		return nil
	}
	checks := slices.DeleteFunc(sidecarChecks(m.Name, *m.Sidecar), func(c duck.Check) bool { return c.Severity != severityError })
	found, err := s.RunChecks(ctx, checks)
	if err != nil {
		return fmt.Errorf("%s: %w", m.Sidecar.Path, err)
	}
	for _, f := range found {
		if f.Rows > 0 {
			return fmt.Errorf("%s: check %q fails for %d rows: %s", m.Sidecar.Path, f.Name, f.Rows, f.Sample)
		}
	}
	return nil
}

// wordings say how features are told to a salesperson.
func (p *Project) wordings() explain.Wordings {
	w := explain.Wordings{}
	for _, m := range p.Models.Layer(sqlfiles.Features) {
		if m.Sidecar == nil {
			continue
		}
		for _, c := range m.Sidecar.Columns {
			w[c.Name] = explain.Wording{Say: c.Say, SayMissing: c.SayMissing, Meaning: c.Meaning, Unit: c.Unit, Topic: cmp.Or(c.Topic, m.Sidecar.Topic, m.Name)}
		}
	}
	return w
}

// featureWords are the wordings for SQL, in the order of their names.
func (p *Project) featureWords() []sqlfiles.FeatureWord {
	wordings := p.wordings()
	var out []sqlfiles.FeatureWord
	for _, name := range slices.Sorted(maps.Keys(wordings)) {
		if w := wordings[name]; w.Say != "" {
			out = append(out, sqlfiles.FeatureWord{Feature: name, Say: w.Say, IsFlag: explain.IsFlag(w.Unit)})
		}
	}
	return out
}
