package learn

import (
	"context"
	"math"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/eval"
)

// forecast is what is measured of some rows.
type forecast struct {
	p []float64 // probability of each row
	// order ranks the rows of one customer: of more comes first. It says the same as p, and
	// goes on where p is equal, as calibration may make it. Nil: p itself.
	order []float64
}

func (f forecast) within() []float64 {
	if f.order != nil {
		return f.order
	}
	return f.p
}

// measure computes every metric of the task from probabilities. Those that rank or
// promise get an interval by resampled customers unless o is nil; the base rate, the mean
// and the calibration error (whose interval would lie above the value) get none. Inside a
// customer rows are ranked as they are offered, over all rows by probability alone.
func (t Task) measure(ctx context.Context, estimator, on string, keys []models.Key, labels []bool, f forecast, o *eval.Resampling) ([]models.Metric, error) {
	m := t.measuring(estimator, on, keys, labels, f)
	return m.finish(ctx, codes(keys, len(labels)), o)
}

// codes number the customer of each of n rows; without keys each row is one of its own.
func codes(keys []models.Key, n int) []int32 {
	if len(keys) > 0 {
		return keys[0].Codes()
	}
	out := make([]int32, n)
	for i := range out {
		out[i] = int32(i)
	}
	return out
}

func (t Task) measuring(estimator, on string, keys []models.Key, labels []bool, f forecast) *measuring {
	n, p := len(labels), f.p
	m := &measuring{estimator: estimator, on: on}
	m.plain(models.BaseRate, float64(eval.Positives(labels))/float64(n), n)
	m.resampled(models.AUC, eval.AUCOf(labels, p), n)
	m.resampled(models.AveragePrecision, eval.AveragePrecisionOf(labels, p), n)
	m.resampled(models.LiftTop10, eval.LiftOf(labels, p, 0.1), n)
	m.resampled(models.LogLoss, eval.LogLossOf(labels, p), n)
	m.resampled(models.Brier, eval.BrierOf(labels, p), n)
	m.plain(models.CalibrationError, eval.CalibrationError(labels, p), n)
	m.plain(models.MeanProbability, eval.Mean(p), n)
	if len(t.Keys) > 1 {
		customers, order := codes(keys, n), f.within()
		w := eval.ByCustomer(customers, labels, order, 3)
		m.resampled(models.HitAt3, eval.HitOf(customers, labels, order, 3), w.HitN)
		m.resampled(models.AUCWithin, eval.AUCWithinOf(customers, labels, order), w.AUCN)
	}
	return m
}

// measuring collects metrics, so that one bootstrap serves them all.
type measuring struct {
	estimator, on string
	metrics       []models.Metric
	statistics    []eval.Statistic
	at            []int // metric of each statistic
}

func (m *measuring) plain(name string, value float64, n int) {
	m.metrics = append(m.metrics, models.Metric{Estimator: m.estimator, Data: m.on, Name: name, Value: value, N: n})
}

func (m *measuring) resampled(name string, s eval.Statistic, n int) {
	m.statistics, m.at = append(m.statistics, s), append(m.at, len(m.metrics))
	m.plain(name, s(nil), n)
}

func (m *measuring) finish(ctx context.Context, customers []int32, o *eval.Resampling) ([]models.Metric, error) {
	if o != nil {
		intervals, err := eval.Bootstrap(ctx, customers, *o, m.statistics...)
		if err != nil {
			return nil, err
		}
		for k, in := range intervals {
			if !math.IsNaN(in.Low) && !math.IsNaN(in.High) {
				m.metrics[m.at[k]].Low, m.metrics[m.at[k]].High = in.Low, in.High
			}
		}
	}
	var out []models.Metric
	for _, x := range m.metrics { // one outcome only, no customers: no value
		if !math.IsNaN(x.Value) {
			out = append(out, x)
		}
	}
	return out, nil
}
