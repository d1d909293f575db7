package jobs

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/loyalty"
	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	sqlfiles "github.com/mainstay-etl/mainstay/sql"
)

// The loyalty index is fitted on loyaltyLabels, a SQL model, and its coefficients are a
// table that marts read.
const (
	loyaltyLabels       = "loyalty_labels"
	loyaltyCoefficients = "loyalty_coefficients"
)

// loyaltyCutoffs is how many cutoffs the index is fitted on. They lie a horizon apart, so
// that no outcome counts twice; four see every season once with the usual horizon.
const loyaltyCutoffs = 4

// loyaltyJobs make what the loyalty index is fitted on, and fit it.
func loyaltyJobs(p *Project) ([]pipeline.Job, error) {
	m, ok := p.Models.Get(loyaltyLabels)
	if !ok || m.Layer != sqlfiles.Labels {
		return nil, fmt.Errorf("the SQL model %s must be in labels/", loyaltyLabels)
	}
	n, err := p.plan.closure(loyaltyLabels)
	if err != nil {
		return nil, err
	}
	logic, err := p.logic(n)
	if err != nil {
		return nil, err
	}
	return []pipeline.Job{
		{
			Name: loyaltyLabels, Kind: pipeline.Snapshot, Needs: n.tables(), Logic: logic,
			About: "What customers bought in the year before earlier cutoffs, and who came back.",
			Run: func(ctx context.Context, r *pipeline.Run) (pipeline.Table, error) {
				cutoffs, err := p.cutoffs(ctx, r)
				if err != nil {
					return pipeline.Table{}, err
				}
				known, err := p.known(ctx, r)
				if err != nil {
					return pipeline.Table{}, err
				}
				return p.labels(ctx, r, p.apart(cutoffs, known), n, m)
			},
		},
		{
			Name: loyaltyCoefficients, Kind: pipeline.Report, Needs: []string{loyaltyLabels}, Logic: code(),
			About: "The loyalty index, fitted on the company's own past: one row per term.",
			Run:   p.fitLoyalty,
		},
	}, nil
}

// apart are the latest mature cutoffs that lie at least a horizon apart, oldest first.
func (p *Project) apart(cutoffs []pipeline.Day, known pipeline.Day) []pipeline.Day {
	var out []pipeline.Day
	for _, d := range slices.Backward(cutoffs) {
		far := len(out) == 0 || !out[len(out)-1].Before(d.AddDays(p.Config.History.HorizonDays))
		if far && p.mature(d, known) && len(out) < loyaltyCutoffs {
			out = append(out, d)
		}
	}
	slices.Reverse(out)
	return out
}

var loyaltyColumns = []string{"term VARCHAR", "coefficient DOUBLE", "standard_error DOUBLE", "n BIGINT", "positives BIGINT", "log_likelihood DOUBLE", "cutoffs VARCHAR"}

// fitLoyalty fits the index. The table is empty while there is too little to learn from:
// then nobody's loyalty is known.
func (p *Project) fitLoyalty(ctx context.Context, r *pipeline.Run) (pipeline.Table, error) {
	parts := r.In[loyaltyLabels].Parts
	var key []any
	for _, part := range parts {
		key = append(key, part.Cutoff, part.SHA256)
	}
	note := "not fitted yet: no cutoff has a known outcome"
	spec := pipeline.PartSpec{Dir: filepath.Join("results", loyaltyCoefficients), Ext: ".parquet", Key: key}
	part, err := r.Part(ctx, spec, func(ctx context.Context, path string) (rows int64, err error) {
		var values []string
		if len(parts) > 0 {
			m, err := learnLoyalty(ctx, parts)
			if err != nil && !errors.Is(err, models.ErrTooLittle) {
				return 0, err
			}
			if err == nil {
				values = loyaltyRows(m, parts)
			}
		}
		o, err := p.session(r)
		if err != nil {
			return 0, err
		}
		s, err := duck.Open(ctx, o)
		if err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, s.Close()) }()
		return s.WriteParquet(ctx, valuesQuery(loyaltyColumns, values), path)
	})
	if err != nil {
		return pipeline.Table{}, err
	}
	switch {
	case part.Rows > 0:
		note = fmt.Sprintf("fitted on %d cutoffs", len(parts))
	case len(parts) > 0:
		note = "not fitted yet: too few customers came back"
	}
	return pipeline.Table{Parts: []pipeline.Part{part}, Note: note}, nil
}

// learnLoyalty reads the labels of all cutoffs and fits.
func learnLoyalty(ctx context.Context, parts []pipeline.Part) (*loyalty.Model, error) {
	columns := make([]string, 0, len(loyalty.Terms)+1)
	for _, term := range loyalty.Terms {
		columns = append(columns, term+"_per_year")
	}
	columns = append(columns, "ordered_again")
	groups := map[string]int{}
	var customers []loyalty.Customer
	for _, part := range parts {
		f, err := models.ReadFrame(ctx, part.Path, "customer_id")
		if err != nil {
			return nil, err
		}
		if f, err = f.Project(columns); err != nil {
			return nil, err
		}
		for i := range f.Rows() {
			id := f.KeyOf(i)
			if _, seen := groups[id]; !seen {
				groups[id] = len(groups)
			}
			c := loyalty.Customer{Group: groups[id], Again: f.Column(len(loyalty.Terms)).At(i) == 1}
			for j := range c.Yearly {
				c.Yearly[j] = f.Column(j).At(i)
			}
			customers = append(customers, c)
		}
	}
	return loyalty.Fit(customers)
}

func loyaltyRows(m *loyalty.Model, parts []pipeline.Part) []string {
	var cutoffs []string
	for _, part := range parts {
		cutoffs = append(cutoffs, part.Cutoff)
	}
	row := func(term string, coefficient, standardError float64) string {
		return fmt.Sprintf("(%s, %s, %s, %d, %d, %s, %s)", duck.Quote(term), sqlNumber(coefficient), sqlNumber(standardError),
			m.N, m.Positives, sqlNumber(m.LogLikelihood), duck.Quote(strings.Join(cutoffs, ", ")))
	}
	rows := []string{row("intercept", m.Intercept, m.InterceptError)}
	for j, term := range loyalty.Terms {
		rows = append(rows, row(term, m.Coefficients[j], m.CoefficientErrors[j]))
	}
	return rows
}

// sqlNumber writes a number as a DOUBLE that reads back the same; NULL for NaN.
func sqlNumber(x float64) string {
	if math.IsNaN(x) {
		return "NULL"
	}
	return strconv.FormatFloat(x, 'e', -1, 64)
}
