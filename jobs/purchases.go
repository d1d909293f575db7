package jobs

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/clv"
	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/contract"
)

// purchaseProcess is what every customer is expected to order, by models that need no
// labels; purchaseHistory is the SQL model that they learn from.
const (
	purchaseProcess = "purchase_process"
	purchaseHistory = "purchase_history"
)

// The year that expected_orders_365 is about.
const yearDays = 365

// purchaseJob fits the purchase process at every cutoff that the night needs, from the
// customers of that cutoff alone. Features, marts and the value of customers read it.
func purchaseJob(p *Project) (pipeline.Job, error) {
	n, err := p.plan.closure(purchaseHistory)
	if err != nil {
		return pipeline.Job{}, err
	}
	logic, err := p.logic(n)
	if err != nil {
		return pipeline.Job{}, err
	}
	return pipeline.Job{
		Name: purchaseProcess, Kind: pipeline.Snapshot, Needs: n.tables(), Logic: logic,
		About: "Who may still order, how often and for how much: BG/NBD and Gamma-Gamma, fitted at each cutoff.",
		Run: func(ctx context.Context, r *pipeline.Run) (pipeline.Table, error) {
			cutoffs, err := p.cutoffs(ctx, r)
			if err != nil {
				return pipeline.Table{}, err
			}
			orders, err := lakeOf(r).Table(ctx, contract.Orders.Name)
			if err != nil {
				return pipeline.Table{}, err
			}
			first := pipeline.DayOf(orders.Start(), p.Config.Location())
			return p.snapshots(ctx, r, cutoffs, n, func(ctx context.Context, s *session, path string) (int64, error) {
				known := s.cutoff.Since(first)
				return p.purchases(ctx, s, filepath.Join(filepath.Dir(path), "purchase_history.parquet"), path, known)
			})
		},
	}, nil
}

// purchases fits and predicts. known is for how many days orders are known: a model that
// has not seen two horizons says nothing of a year, and one that has not seen a single
// horizon says nothing at all.
func (p *Project) purchases(ctx context.Context, s *session, scratch, path string, known int) (int64, error) {
	if err := s.make(ctx, purchaseHistory); err != nil {
		return 0, err
	}
	if _, err := s.WriteParquet(ctx, "SELECT * FROM "+purchaseHistory+" ORDER BY customer_id", scratch); err != nil {
		return 0, err
	}
	f, err := models.ReadFrame(ctx, scratch, "customer_id")
	if err != nil {
		return 0, err
	}
	rows, err := purchaseRows(f)
	if err != nil {
		return 0, err
	}
	m, err := clv.Fit(rows, clv.Options{})
	if errors.Is(err, clv.ErrNoRows) {
		return 0, models.WriteParquet(path, 0, purchaseColumns(f, nil, nil))
	}
	if err != nil {
		return 0, err
	}
	horizon := p.Config.History.HorizonDays
	out := make([]expectation, len(rows))
	for i, r := range rows {
		if out[i], err = expect(m, r, horizon, known); err != nil {
			return 0, fmt.Errorf("customer %s: %w", f.KeyOf(i), err)
		}
	}
	if err := models.WriteParquet(path, len(rows), purchaseColumns(f, out, m)); err != nil {
		return 0, err
	}
	return int64(len(rows)), nil
}

// purchaseRows turns the table purchase_history into what the models learn from.
func purchaseRows(f *models.Frame) ([]clv.Row, error) {
	f, err := f.Project([]string{"first_age_days", "second_age_days", "last_age_days", "order_days", "repeat_margin"})
	if err != nil {
		return nil, err
	}
	rows := make([]clv.Row, f.Rows())
	for i := range rows {
		first, second, last := int(f.Column(0).At(i)), f.Column(1).At(i), int(f.Column(2).At(i))
		s := clv.Summary{First: -first, Second: -first, Last: -last, Days: int(f.Column(3).At(i)), RepeatValue: f.Column(4).At(i)}
		if !math.IsNaN(second) {
			s.Second = -int(second)
		}
		if rows[i], err = s.Row(); err != nil {
			return nil, fmt.Errorf("customer %s: %w", f.KeyOf(i), err)
		}
	}
	return rows, nil
}

// expectation is a row of purchase_process; NaN is not known.
type expectation struct {
	alive, noOrder, orders, ordersYear, perOrder, oneTimeReturn float64
}

func expect(m *clv.Model, r clv.Row, horizon, known int) (expectation, error) {
	e := expectation{math.NaN(), math.NaN(), math.NaN(), math.NaN(), math.NaN(), math.NaN()}
	if known < horizon {
		return e, nil
	}
	soon, err := m.Predict(r, float64(horizon))
	if err != nil {
		return e, err
	}
	e.alive, e.noOrder, e.orders, e.perOrder = soon.PAliveConservative, soon.PNoOrder, soon.ExpectedOrders, soon.ValuePerOrder
	if r.Frequency == 0 {
		e.oneTimeReturn = m.Empirical.OneTime.Returns(float64(r.Age), float64(horizon))
	}
	if known >= 2*horizon {
		year, err := m.Predict(r, yearDays)
		if err != nil {
			return e, err
		}
		e.ordersYear = year.ExpectedOrders
	}
	return e, nil
}

func purchaseColumns(f *models.Frame, rows []expectation, m *clv.Model) []models.OutColumn {
	method := func(name, fitted, fallback string, outcome func() clv.Outcome) models.OutColumn {
		return models.OutColumn{Name: name, Text: func(int) (string, bool) {
			if outcome().Fallback != "" {
				return fallback, true
			}
			return fitted, true
		}}
	}
	number := func(name string, value func(expectation) float64) models.OutColumn {
		return models.OutColumn{Name: name, Float: func(i int) (float64, bool) {
			v := value(rows[i])
			return v, !math.IsNaN(v)
		}}
	}
	return []models.OutColumn{
		{Name: "customer_id", Text: func(i int) (string, bool) { return f.KeyOf(i), true }},
		number("p_alive", func(e expectation) float64 { return e.alive }),
		number("p_no_order_h", func(e expectation) float64 { return e.noOrder }),
		number("expected_orders_h", func(e expectation) float64 { return e.orders }),
		number("expected_orders_365", func(e expectation) float64 { return e.ordersYear }),
		number("expected_margin_per_order", func(e expectation) float64 { return e.perOrder }),
		number("one_time_return_h", func(e expectation) float64 { return e.oneTimeReturn }),
		method("purchase_model", "bg/nbd", "empirical", func() clv.Outcome { return m.Purchases.Outcome }),
		method("value_model", "gamma-gamma", "credibility", func() clv.Outcome { return m.Values.Outcome }),
	}
}
