// Package linear holds logistic regression with an L2 penalty. It is the model that is
// hardest to fool: smooth, quick, and every coefficient can be read. What it needs,
// tamed heavy tails, one scale for all features and a place for missing values, it
// learns from the training rows itself (see column.go).
package linear

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/mainstay-etl/mainstay/models"
)

// Kind is the Kind of a [Model].
const Kind = "linear"

// Params are the hyper-parameters. Zero means the default.
type Params struct {
	// C is the inverse of the penalty, as in scikit-learn: the loss is
	//
	//	sum of w_i * logloss_i + |coefficients|^2 / (2 C)
	//
	// with weights of mean 1; the intercept is free. Default 0.01, a hundredth of
	// scikit-learn's: features of customers tell the same many times over, and rows of
	// one customer count as if they were of many. See Grid.
	C float64 `json:"c"`
	// Clip is the share of the values at either end that is drawn in, default 0.005;
	// negative: none.
	Clip float64 `json:"clip"`
}

// WithDefaults returns p with zeros replaced.
func (p Params) WithDefaults() Params {
	if !(p.C > 0) {
		p.C = 0.01
	}
	if p.Clip == 0 {
		p.Clip = 0.005
	}
	p.Clip = math.Min(p.Clip, 0.25)
	return p
}

// Grid lists the C worth trying on a validation at a later time, firmest first. A fit
// is cheap, and the best value moves with the number of customers.
func Grid() []float64 { return []float64{0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 1} }

// Model is a logistic regression. It implements [models.Estimator].
type Model struct {
	params    Params
	features  []string
	columns   []column
	intercept float64 // the log-odds of a row whose inputs are all at their mean
}

var _ models.Estimator = (*Model)(nil)

// New makes an unfitted model.
func New(p Params) *Model { return &Model{params: p.WithDefaults()} }

// Kind is "linear".
func (m *Model) Kind() string { return Kind }

// Params are the hyper-parameters.
func (m *Model) Params() any { return m.params }

// Features are the names learned from; nil before a fit.
func (m *Model) Features() []string { return m.features }

// Members is 1: one formula.
func (m *Model) Members() int {
	if m.features == nil {
		return 0
	}
	return 1
}

// Fit learns first the columns, then the coefficients. The number of threads changes
// nothing: rows are summed in blocks of a fixed size, and blocks in their order.
func (m *Model) Fit(ctx context.Context, t models.Training) error {
	m.features, m.columns, m.intercept = nil, nil, 0
	if err := t.Check(); err != nil {
		return err
	}
	threads := t.Threads
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	p := newProgress(t.Progress)
	rows, weights, labels := present(t)
	columns := make([]column, len(t.Frame.Features()))
	err := parallel(ctx, threads, len(columns), func() func(int) {
		buf := make([]float64, 0, len(rows))
		return func(j int) { columns[j] = learnColumn(t.Frame.Column(j), rows, weights, m.params.Clip, buf) }
	})
	if err != nil {
		return err
	}
	p.at(10)
	d := newDesign(t.Frame, rows, columns, threads)
	d.labels, d.weights, d.penalty = labels, weights, 1/(m.params.C*float64(len(rows)))
	theta, err := d.fit(ctx, p)
	if err != nil {
		return err
	}
	m.intercept = theta[0]
	for k, in := range d.inputs {
		if in.flag {
			columns[in.feature].flagCoef = theta[k+1]
		} else {
			columns[in.feature].coef = theta[k+1]
		}
	}
	m.columns, m.features = columns, append([]string{}, t.Frame.Features()...)
	p.at(progressTotal)
	return nil
}

// present lists the rows that weigh anything, their weights scaled to mean 1 and their
// labels.
func present(t models.Training) (rows []int32, weights []float64, labels []bool) {
	sum := 0.0
	for i, l := range t.Labels {
		w := 1.0
		if t.Weights != nil {
			w = t.Weights[i]
		}
		if w > 0 {
			rows, weights, labels = append(rows, int32(i)), append(weights, w), append(labels, l)
			sum += w
		}
	}
	for k := range weights {
		weights[k] *= float64(len(rows)) / sum
	}
	return rows, weights, labels
}

// PredictProba returns the probability of each row.
func (m *Model) PredictProba(f *models.Frame) ([]float64, error) {
	if err := m.ready(f); err != nil {
		return nil, err
	}
	out := make([]float64, f.Rows())
	blocks := (len(out) + blockRows - 1) / blockRows
	err := parallel(context.Background(), runtime.GOMAXPROCS(0), blocks, func() func(int) {
		return func(b int) {
			part := out[b*blockRows : min((b+1)*blockRows, len(out))]
			for i := range part {
				part[i] = m.intercept
			}
			for j := range m.columns {
				c, values := &m.columns[j], f.Column(j)
				if !c.useValue && !c.useFlag {
					continue
				}
				for i := range part {
					part[i] += c.effect(values.At(b*blockRows + i))
				}
			}
			for i, x := range part {
				part[i] = models.ClipProba(sigmoid(x))
			}
		}
	})
	return out, err
}

// Explain gives each feature its coefficient times its standardised value (plus that of
// its missing flag): the difference to a customer who is average in it. The base is the
// intercept. Where the probability is clipped, the effects are scaled to what is left.
func (m *Model) Explain(f *models.Frame, row int, effects []float64) (float64, error) {
	if err := m.ready(f); err != nil {
		return 0, err
	}
	if len(effects) != len(m.features) {
		return 0, fmt.Errorf("explaining row %d: room for %d effects, expected %d", row, len(effects), len(m.features))
	}
	base, score := models.Logit(sigmoid(m.intercept)), m.intercept
	for j := range m.columns {
		effects[j] = m.columns[j].effect(f.Column(j).At(row))
		score += effects[j]
	}
	shown := models.Logit(sigmoid(score))
	if math.Abs(shown-score) > 1e-9 || base != m.intercept {
		rescale(effects, shown-base)
	}
	return base, nil
}

// rescale makes effects sum to want.
func rescale(effects []float64, want float64) {
	sum := 0.0
	for _, e := range effects {
		sum += e
	}
	if sum == 0 {
		return
	}
	for j := range effects {
		effects[j] *= want / sum
	}
}

// Coefficient is one input of the model, for people.
type Coefficient struct {
	Feature string
	Missing bool // the input is whether the feature is missing, not its value
	Log     bool // of log(1 + value)
	Low     float64
	High    float64 // values are drawn into [Low, High]
	Mean    float64 // of the input, after clip and logarithm
	SD      float64
	// Effect in log-odds of one standard deviation more.
	Effect float64
}

// Coefficients lists the inputs with the largest effects first, ties in order of the
// features.
func (m *Model) Coefficients() []Coefficient {
	var out []Coefficient
	for j, c := range m.columns {
		if c.useValue {
			out = append(out, Coefficient{Feature: m.features[j], Log: c.log, Low: c.low, High: c.high, Mean: c.mean, SD: c.sd, Effect: c.coef})
		}
		if c.useFlag {
			out = append(out, Coefficient{Feature: m.features[j], Missing: true, High: 1, Mean: c.rate, SD: c.flagSD, Effect: c.flagCoef})
		}
	}
	slices.SortStableFunc(out, func(a, b Coefficient) int {
		switch x, y := math.Abs(a.Effect), math.Abs(b.Effect); {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	return out
}

func (m *Model) ready(f *models.Frame) error {
	if m.features == nil {
		return fmt.Errorf("using a linear model: %w", models.ErrNotFitted)
	}
	return f.CheckFeatures(m.features)
}

func sigmoid(x float64) float64 {
	if x >= 0 {
		return 1 / (1 + math.Exp(-x))
	}
	e := math.Exp(x)
	return e / (1 + e)
}

// progressTotal is the number of steps that a fit is said to have: nobody knows
// beforehand how many iterations it takes.
const progressTotal = 100

// progress reports a number of steps that only rises.
type progress struct {
	report func(done, total int)
	done   int
}

func newProgress(report func(done, total int)) *progress { return &progress{report: report} }

func (p *progress) at(done int) {
	if p.report != nil && done > p.done {
		p.done = done
		p.report(done, progressTotal)
	}
}

// parallel runs work(0) to work(n-1) on some goroutines; each gets its own work
// function from worker.
func parallel(ctx context.Context, threads, n int, worker func() func(int)) error {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(max(threads, 1), n) {
		wg.Go(func() {
			work := worker()
			for i := int(next.Add(1)) - 1; i < n && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				work(i)
			}
		})
	}
	wg.Wait()
	return ctx.Err()
}
