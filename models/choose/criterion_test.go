package choose

import (
	"math"
	"testing"

	"github.com/mainstay-etl/mainstay/models/eval"
	"github.com/mainstay-etl/mainstay/models/rows"
)

// twoViews are 40 customers with twelve rows each, of which they bought one or eleven. The
// first candidate knows how much each customer buys and nothing of what; the second has
// four rows of each customer in front, rightly, and nothing of how much.
func twoViews(by Criterion) *run {
	var labels []bool
	var customer []int32
	var level, order []float64
	for c := range 40 {
		much := c%2 == 1
		for k := range 12 {
			place := (k + c) % 12
			labels = append(labels, !much && place == 0 || much && place != 6)
			customer = append(customer, int32(c))
			rate, front := 1./12, 0.5
			if much {
				rate = 11. / 12
			}
			if place < 4 {
				front = 0.6
			}
			level, order = append(level, rate), append(order, front)
		}
	}
	r := &run{options: Options{By: by}, candidates: make([]Candidate, 2), customers: 40,
		judged: []judgedFold{{fold: &fold{}, rows: rows.Rows{Labels: labels}, customer: customer, proba: [][]float64{level, order}}}}
	return r
}

// TestCriterion: what is compared decides who wins.
func TestCriterion(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		by     Criterion
		better int
	}{{"", 0}, {ByLogLoss, 0}, {ByCustomer, 1}} {
		r := twoViews(c.by)
		var err error
		if r.by, err = r.criterion(); err != nil {
			t.Fatal(err)
		}
		if err := r.judged[0].straighten(); err != nil {
			t.Fatal(err)
		}
		r.weigh()
		if behind, se := r.behind(1-c.better, c.better); behind <= 2*se {
			t.Errorf("by %q: candidate %d is behind by %.4f, standard error %.4f", c.by, 1-c.better, behind, se)
		}
		j := r.judged[0]
		for k, cost := range r.costs {
			sum := 0.0
			for _, v := range cost {
				sum += v
			}
			want := eval.LogLoss(j.rows.Labels, j.line[k])
			if c.by == ByCustomer {
				want = 1 - eval.ByCustomer(j.customer, j.rows.Labels, j.proba[k], 3).AUC
			}
			if math.Abs(sum-want) > 1e-12 {
				t.Errorf("by %q: candidate %d costs %.6f, want %.6f", c.by, k, sum, want)
			}
		}
	}
}

// TestCriterionWithoutRivals: where no customer has rows of both outcomes there is no
// order to compare.
func TestCriterionWithoutRivals(t *testing.T) {
	t.Parallel()
	r := twoViews(ByCustomer)
	for i := range r.judged[0].customer {
		r.judged[0].customer[i] = int32(i)
	}
	if by, err := r.criterion(); err != nil || by != ByLogLoss {
		t.Errorf("got %q, %v", by, err)
	}
	if _, err := twoViews("luck").criterion(); err == nil {
		t.Error("an unknown criterion is taken")
	}
}
