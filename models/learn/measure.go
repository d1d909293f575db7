package learn

import (
	"context"
	"math"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/eval"
)

// measure computes every metric of the task from probabilities. Those that rank or
// promise get an interval by resampled customers unless o is nil; the base rate, the mean
// and the calibration error (whose interval would lie above the value) get none.
func (t Task) measure(ctx context.Context, estimator, on string, keys []models.Key, labels []bool, p []float64, o *eval.Resampling) ([]models.Metric, error) {
	n := len(labels)
	customers := make([]int32, n)
	for i := range customers {
		customers[i] = int32(i)
	}
	if len(keys) > 0 {
		customers = keys[0].Codes()
	}
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
		w := eval.ByCustomer(customers, labels, p, 3)
		m.resampled(models.HitAt3, eval.HitOf(customers, labels, p, 3), w.HitN)
		m.resampled(models.AUCWithin, eval.AUCWithinOf(customers, labels, p), w.AUCN)
	}
	return m.finish(ctx, customers, o)
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
