package jobs

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/config"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	sqlfiles "github.com/mainstay-etl/mainstay/sql"
)

// TestSQLAgainstOracle computes the main measures a second time, in plain Go written from
// their definitions, over random shops, and compares row by row: two ways, one answer.
func TestSQLAgainstOracle(t *testing.T) {
	t.Parallel()
	project, err := BuiltIns(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, seed := range []uint64{1, 2, 3, 4, 5, 6} {
		for name, make := range map[string]func(*testing.T, uint64) *ledgerOfShop{"dice": diceShop, "shop": simulatedShop} {
			if name == "shop" && seed > 2 {
				continue
			}
			t.Run(fmt.Sprintf("%s-%d", name, seed), func(t *testing.T) {
				t.Parallel()
				data := make(t, seed)
				s := data.session(t, project)
				for _, m := range slices.Concat(oracleMeasures, serviceMeasures) {
					compareMeasure(t, s, data, m)
				}
			})
		}
	}
}

// oracleMeasure is a query on models and the same answer by the oracle: lines of values
// separated by |, in any order.
type oracleMeasure struct {
	name   string
	models []string
	query  string
	want   func(*ledgerOfShop) []string
}

var oracleMeasures = []oracleMeasure{
	{"windows", []string{"customer_volume"},
		"SELECT concat_ws('|', customer_id" + windowColumns() + ") FROM customer_volume",
		(*ledgerOfShop).windows},
	{"gaps", []string{"customer_rhythm"},
		"SELECT concat_ws('|', customer_id, recency_days, gap_last_days, gap_max_days, round(1000 * gap_mean_days)) FROM customer_rhythm",
		(*ledgerOfShop).gapFigures},
	{"tiers", []string{"value_tiers"},
		"SELECT concat_ws('|', customer_id, margin_365, coalesce(margin_rank, 0), three_tier, four_tier) FROM value_tiers",
		(*ledgerOfShop).tiers},
	{"classes", []string{"customer_classes"},
		"SELECT concat_ws('|', customer_id, profit_class, purchase_class) FROM customer_classes",
		(*ledgerOfShop).classes},
	{"value", []string{"customer_value"},
		"SELECT concat_ws('|', customer_id, historical_value, coalesce(current_value::VARCHAR, '-'), coalesce(potential_value::VARCHAR, '-'), coalesce(future_value::VARCHAR, '-'), total_value, coalesce(potential_is_full_year::VARCHAR, '-')) FROM customer_value",
		(*ledgerOfShop).values},
	{"stages", []string{"customer_stage"},
		"SELECT concat_ws('|', customer_id, stage, orders, interactions) FROM customer_stage",
		(*ledgerOfShop).stages},
	{"transitions", []string{"stage_transitions"},
		"SELECT concat_ws('|', customer_id, coalesce(from_stage, '-'), to_stage) FROM stage_transitions",
		(*ledgerOfShop).transitions},
	{"spend alerts", []string{"alerts"},
		"SELECT concat_ws('|', customer_id, alert) FROM alerts WHERE alert IN ('spend_drop', 'spend_rise')",
		(*ledgerOfShop).spendAlerts},
	{"active customers", []string{"kpis_daily"},
		"SELECT concat_ws('|', age_days(day), coalesce(active_customers::VARCHAR, '-'), new_customers, won_back_customers, lost_customers) FROM kpis_daily",
		(*ledgerOfShop).activity},
	{"churn by month", []string{"kpis_monthly"},
		"SELECT concat_ws('|', month, new_customers, churned_customers, orders, revenue) FROM kpis_monthly",
		(*ledgerOfShop).months},
}

func compareMeasure(t *testing.T, s *session, data *ledgerOfShop, m oracleMeasure) {
	t.Helper()
	for _, model := range m.models {
		if err := s.make(t.Context(), model); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := asText(t.Context(), s, m.query)
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for _, row := range rows {
		counts[*row[0]]++
	}
	want := m.want(data)
	for _, line := range want {
		counts[line]--
	}
	wrong := 0
	for line, n := range counts {
		if wrong++; n == 0 {
			wrong--
		} else if wrong <= 10 {
			who := "the SQL"
			if n < 0 {
				who = "the oracle"
			}
			t.Errorf("%s: only %s says %s", m.name, who, line)
		}
	}
	if len(want) == 0 && m.name != "spend alerts" && m.name != "transitions" && m.name != "satisfaction" {
		t.Errorf("%s: nothing to compare", m.name)
	}
}

// session has the shop as contract tables, as of its day.
func (l *ledgerOfShop) session(t *testing.T, project *Project) *session {
	t.Helper()
	ctx := t.Context()
	d, err := duck.Open(ctx, duck.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	settings := config.Default()
	settings.History.LookbackDays = l.lookback
	cutoff, err := pipeline.ParseDay(l.date(l.asOf))
	if err != nil {
		t.Fatal(err)
	}
	prelude, err := sqlfiles.Prelude(preludeParams(settings, cutoff.String()))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Exec(ctx, prelude); err != nil {
		t.Fatal(err)
	}
	s := &session{Session: d, plan: project.plan, cutoff: cutoff, here: map[string]bool{}, views: map[string]bool{}, made: map[string]bool{}}
	for _, m := range project.Models.All() {
		s.here[m.Name] = m.Name != "cross_sell_scores"
	}
	if err := l.fill(ctx, s); err != nil {
		t.Fatal(err)
	}
	return s
}

// fill makes the contract tables and the tables that models in Go make.
func (l *ledgerOfShop) fill(ctx context.Context, s *session) error {
	var orders, interactions, purchases, offers []string
	for _, o := range l.lines {
		orders = append(orders, fmt.Sprintf("('%s', '%d', '%s', TIMESTAMP '%s %02d:00:00', '%s', 'c', %d, %s, %s, %s)",
			o.order, o.line, o.customer, l.date(o.day), o.hour, o.product, o.quantity, money(o.price), money(o.discount), costSQL(o.cost)))
	}
	for i, e := range l.events {
		amount, rating := "NULL", "NULL"
		if e.rating > 0 {
			rating = fmt.Sprint(e.rating)
		}
		if e.kind == "return" {
			amount = money(e.amount)
		}
		interactions = append(interactions, fmt.Sprintf("('i%d', '%s', TIMESTAMP '%s 12:00:00', '%s', NULL, NULL, '%s', NULL, 1, %s, NULL, NULL, %s)",
			i, e.customer, l.date(e.day), e.kind, e.product, amount, rating))
	}
	for _, c := range l.customers() {
		orders, margin := l.expected(c)
		purchases = append(purchases, fmt.Sprintf("('%s', 0.5, 0.5, 1.0, %g, %g, NULL, 'bg/nbd', 'gamma-gamma')", c, orders, margin))
		for i, m := range l.offered(c) {
			offers = append(offers, fmt.Sprintf("('%s', 'k%d', %s, %t)", c, i, money(m), i%2 == 0))
		}
	}
	for _, table := range []struct {
		name, columns, casts string
		rows                 []string
	}{
		{"orders", "order_id, line_id, customer_id, ordered_at, product_id, category, quantity, unit_price, discount, unit_cost",
			"* REPLACE (CAST(quantity AS DECIMAL(18, 3)) AS quantity, CAST(unit_price AS DECIMAL(18, 4)) AS unit_price, CAST(discount AS DECIMAL(18, 4)) AS discount, CAST(unit_cost AS DECIMAL(18, 4)) AS unit_cost)", orders},
		{"interactions", "interaction_id, customer_id, occurred_at, kind, channel, order_id, product_id, category, quantity, amount, campaign_id, reference_id, rating",
			"* REPLACE (CAST(order_id AS VARCHAR) AS order_id, CAST(category AS VARCHAR) AS category, CAST(reference_id AS VARCHAR) AS reference_id, CAST(rating AS DECIMAL(9, 3)) AS rating, CAST(quantity AS DECIMAL(18, 3)) AS quantity, CAST(amount AS DECIMAL(18, 4)) AS amount)", interactions},
		{"purchase_process", "customer_id, p_alive, p_no_order_h, expected_orders_h, expected_orders_365, expected_margin_per_order, one_time_return_h, purchase_model, value_model",
			"* REPLACE (CAST(expected_orders_365 AS DOUBLE) AS expected_orders_365, CAST(expected_margin_per_order AS DOUBLE) AS expected_margin_per_order)", purchases},
		{"cross_sell_scores", "customer_id, category, expected_margin, margin_is_full_year", "* REPLACE (CAST(expected_margin AS DECIMAL(18, 2)) AS expected_margin)", offers},
	} {
		query := fmt.Sprintf("SELECT %s FROM (VALUES %s) AS t(%s)", table.casts, strings.Join(table.rows, ",\n"), table.columns)
		if err := createTable(ctx, s, table.name, query); err != nil {
			return err
		}
	}
	return l.empty(ctx, s)
}

// empty makes the optional contract tables, which the shop does not have.
func (l *ledgerOfShop) empty(ctx context.Context, s *session) error {
	for name, columns := range map[string]string{
		"customers": "''::VARCHAR customer_id, cutoff() recorded_at, ''::VARCHAR AS name, ''::VARCHAR AS segment, ''::VARCHAR AS region, 0::DECIMAL(9, 3) AS standing, ''::VARCHAR AS key_contact, cutoff() AS key_contact_since",
		"products":  "''::VARCHAR product_id, cutoff() recorded_at, ''::VARCHAR AS name, ''::VARCHAR AS category, 0::DECIMAL(18, 4) AS list_price, 0::DECIMAL(18, 4) AS unit_cost",
	} {
		if err := createTable(ctx, s, name, "SELECT "+columns+" WHERE false"); err != nil {
			return err
		}
	}
	return nil
}

// money writes an amount in 1/10,000.
func money(x int64) string {
	sign := ""
	if x < 0 {
		sign, x = "-", -x
	}
	return fmt.Sprintf("%s%d.%04d", sign, x/10000, x%10000)
}

func costSQL(cost int64) string {
	if cost == 0 {
		return "NULL"
	}
	return money(cost)
}
