package jobs

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/sql/cases"
)

// givenRows makes a section of a case from rows of text; "" is NULL.
func givenRows(table string, columns []string, rows [][]string) cases.Section {
	s := cases.Section{Table: table, Line: 1}
	for _, c := range columns {
		s.Columns = append(s.Columns, cases.Column{Name: c})
	}
	for i, row := range rows {
		r := cases.Row{Line: i + 2, Values: make([]*string, len(row))}
		for k := range row {
			if row[k] != "" {
				r.Values[k] = &row[k]
			}
		}
		s.Rows = append(s.Rows, r)
	}
	return s
}

// invoice is one of the oracle's; days count from the as-of day, 0 is none but for issued.
type invoice struct {
	customer, issued, due, paid int // days; issued < 0
	cents, paidCents            int
	partly                      bool // paidCents is given
}

var oracleDay = time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC)

func dayFrom(n int) string { return oracleDay.AddDate(0, 0, n).Format(time.DateOnly) }

func inCents(cents int) string {
	return strconv.FormatFloat(float64(cents)/100, 'f', 2, 64)
}

// TestCreditOracle compares credit with a second, plain implementation on random invoices.
func TestCreditOracle(t *testing.T) {
	t.Parallel()
	p, err := BuiltIns(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 7))
		var invoices []invoice
		var rows [][]string
		for i := range 300 {
			v := invoice{customer: r.IntN(25), issued: -1 - r.IntN(700), cents: 100 * r.IntN(200)}
			if r.IntN(8) > 0 {
				v.due = v.issued + 10 + r.IntN(40)
			}
			if r.IntN(5) > 0 {
				v.paid = v.issued + r.IntN(120)
				v.partly, v.paidCents = r.IntN(4) == 0, v.cents/2+r.IntN(v.cents+1)
			}
			if v.due == 0 && v.paid == 0 && r.IntN(3) == 0 {
				v.cents = -v.cents
			}
			invoices = append(invoices, v)
			row := []string{fmt.Sprint(i), fmt.Sprintf("c%02d", v.customer), dayFrom(v.issued), "", inCents(v.cents), "", ""}
			if v.due != 0 {
				row[3] = dayFrom(v.due)
			}
			if v.paid != 0 {
				row[5] = dayFrom(v.paid)
			}
			if v.partly {
				row[6] = inCents(v.paidCents)
			}
			rows = append(rows, row)
		}
		c := cases.Case{Path: "oracle", Model: "credit", AsOf: dayFrom(0), Given: []cases.Section{
			givenRows("payments", []string{"payment_id", "customer_id", "issued_at", "due_on", "amount", "paid_at", "paid_amount"}, rows)}}
		c.Expect = givenRows("credit", []string{"customer_id", "payments_180", "open_amount", "overdue_amount", "due_invoices", "overdue_share", "days_late_mean", "days_late_max", "credit_grade"}, creditByHand(invoices))
		diff, err := p.RunCase(t.Context(), c, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range diff {
			t.Errorf("seed %d: %s", seed, line)
		}
	}
}

// creditByHand says of each customer what credit must say.
func creditByHand(invoices []invoice) [][]string {
	var out [][]string
	for customer := range 25 {
		n, recent, open, due, late, worst, owed, overdue := 0, 0, 0, 0, 0, 0, 0, 0
		for _, v := range invoices {
			if v.customer != customer {
				continue
			}
			n++
			if v.issued >= -180 {
				recent++
			}
			left := v.cents
			if v.paid != 0 && v.paid < 0 {
				if left = 0; v.partly {
					left = v.cents - v.paidCents
				}
			}
			left = max(left, 0)
			open += left
			if v.due == 0 || v.due >= 0 || v.cents <= 0 || left == 0 && v.due < -365 {
				continue
			}
			days := -v.due
			if left == 0 {
				days = max(v.paid-v.due, 0)
			}
			due, late, worst = due+1, late+days, max(worst, days)
			owed, overdue = owed+v.cents, overdue+left
		}
		if n == 0 {
			continue
		}
		row := []string{fmt.Sprintf("c%02d", customer), fmt.Sprint(recent), inCents(open), inCents(overdue), fmt.Sprint(due), "", "", "", ""}
		if due > 0 {
			share, mean := float64(overdue)/100/(float64(owed)/100), float64(late)/float64(due)
			row[5], row[6], row[7] = strconv.FormatFloat(share, 'g', -1, 64), strconv.FormatFloat(mean, 'g', -1, 64), fmt.Sprint(worst)
			row[8] = string("ABCDE"[max(bordersBelow(mean, 3, 10, 30, 60), bordersBelow(share, 0, .1, .25, .5))])
		}
		out = append(out, row)
	}
	return out
}

// bordersBelow counts the borders that a value is beyond.
func bordersBelow(value float64, borders ...float64) int {
	return len(slices.DeleteFunc(borders, func(b float64) bool { return value <= b }))
}

// TestCostOracle compares the cost that order lines take from master data with a plain
// search through the versions.
func TestCostOracle(t *testing.T) {
	t.Parallel()
	p, err := BuiltIns(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(3, 7))
	type version struct{ product, day, cost int } // cost 0: not known
	var versions []version
	var given [][]string
	for product := range 8 {
		for _, day := range r.Perm(40)[:r.IntN(6)] {
			v := version{product, -1 - day, r.IntN(4) * 100}
			versions = append(versions, v)
			row := []string{fmt.Sprintf("p%d", product), dayFrom(v.day), ""}
			if v.cost > 0 {
				row[2] = inCents(v.cost)
			}
			given = append(given, row)
		}
	}
	var lines, want [][]string
	for i := range 200 {
		product, day, own := r.IntN(8), -1-r.IntN(45), -1
		if r.IntN(3) == 0 {
			own = r.IntN(3) * 100
		}
		row := []string{fmt.Sprint(i), "1", "c", dayFrom(day), fmt.Sprintf("p%d", product), "1", "10.00", ""}
		if own >= 0 {
			row[7] = inCents(own)
		}
		lines = append(lines, row)
		cost, since := own, -1000
		for _, v := range versions {
			if own < 0 && v.product == product && v.day <= day && v.day > since {
				if since, cost = v.day, -1; v.cost > 0 {
					cost = v.cost
				}
			}
		}
		margin, estimated := 300, cost < 0
		if !estimated {
			margin = 1000 - cost
		}
		want = append(want, []string{fmt.Sprint(i), "1", inCents(margin), fmt.Sprint(estimated)})
	}
	c := cases.Case{Path: "oracle", Model: "order_lines", AsOf: dayFrom(0), Given: []cases.Section{
		givenRows("products", []string{"product_id", "recorded_at", "unit_cost"}, given),
		givenRows("orders", []string{"order_id", "line_id", "customer_id", "ordered_at", "product_id", "quantity", "unit_price", "unit_cost"}, lines)}}
	c.Expect = givenRows("order_lines", []string{"order_id", "line_id", "margin", "margin_is_estimated"}, want)
	diff, err := p.RunCase(t.Context(), c, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range diff {
		t.Error(line)
	}
}
