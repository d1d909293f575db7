package learn

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/golearnx"
)

// Model is a trained or loaded model.
type Model struct {
	Header    models.Header
	Report    Report
	Estimator models.Estimator
}

// Report says how a model was made and how good it is.
type Report struct {
	Split   string          `json:"split"` // in words
	Metrics []models.Metric `json:"metrics"`
	// Rule is the best simple rule on all the rows that the model learned from;
	// its metrics are those of a rule found on the training part alone.
	Rule *Rule `json:"rule,omitempty"`
}

// Metric finds a value by estimator and name, the latest data first.
func (r Report) Metric(estimator, name string) (models.Metric, bool) {
	for i := len(r.Metrics) - 1; i >= 0; i-- {
		if m := r.Metrics[i]; m.Estimator == estimator && m.Name == name {
			return m, true
		}
	}
	return models.Metric{}, false
}

// Train learns from the mature snapshots. First a model learns from the earlier
// ones and is judged, beside the best simple rule, on the latest; then another,
// the one returned, learns from all. When the judged one is too good to be true,
// the error is a [models.TooGoodError] and the model returned holds the report
// only. progress may be nil.
func Train(ctx context.Context, t Task, snapshots []models.Snapshot, o Options, progress func(done, total int)) (*Model, error) {
	o, err := o.withDefaults(t)
	if err != nil {
		return nil, err
	}
	split := models.SplitByTime(snapshots, o.HorizonDays, o.ValidationCutoffs)
	if len(split.Final) == 0 {
		return nil, fmt.Errorf("training %s: %w: %s", t.Name, models.ErrTooLittle, split)
	}
	run := &training{task: t, options: o, fits: 1, progress: progress}
	m := &Model{Report: Report{Split: split.String()}}
	if len(split.Validation) > 0 {
		run.fits = 2
		if err := run.validate(ctx, split, &m.Report); err != nil {
			return m, err
		}
	}
	d, err := t.readAll(ctx, split.Final, o)
	if err != nil {
		return nil, err
	}
	if !d.bothOutcomes() {
		return nil, d.tooLittle(t.Name, span(split.Final))
	}
	if rule, ok := findRule(d, o.Rules); ok {
		m.Report.Rule = &rule
	}
	if m.Estimator, err = run.fit(ctx, d); err != nil {
		return nil, err
	}
	return m, m.describe(t, o, split, d)
}

// training is the state of one Train.
type training struct {
	task     Task
	options  Options
	fits     int // in all
	fitted   int
	progress func(done, total int)
}

func (r *training) fit(ctx context.Context, d data) (models.Estimator, error) {
	e := r.options.New()
	err := e.Fit(ctx, models.Training{
		Frame: d.frame, Labels: d.labels, Weights: d.weights, Threads: r.options.Threads,
		Progress: func(done, total int) {
			if r.progress != nil {
				r.progress(r.fitted*total+done, r.fits*total)
			}
		},
	})
	r.fitted++
	if err != nil {
		return nil, fmt.Errorf("training %s: %w", r.task.Name, err)
	}
	return e, nil
}

// validate fills the metrics of the report.
func (r *training) validate(ctx context.Context, split models.Split, report *Report) error {
	d, err := r.task.readAll(ctx, split.Train, r.options)
	if err != nil {
		return err
	}
	if !d.bothOutcomes() {
		report.Split += fmt.Sprintf(" Not judged: the %d rows of %s have one outcome only.", len(d.labels), span(split.Train))
		r.fits = 1
		return nil
	}
	e, err := r.fit(ctx, d)
	if err != nil {
		return err
	}
	rule, hasRule := findRule(d, r.options.Rules)
	for _, s := range split.Validation {
		if err := r.judge(ctx, s, e, rule, hasRule, report); err != nil {
			return err
		}
	}
	for _, m := range report.Metrics {
		if m.Name == models.AUC && m.Value >= r.options.MaxAUC && report.enough(m) {
			return &models.TooGoodError{Task: r.task.Name + ", " + m.Estimator, AUC: m.Value, Limit: r.options.MaxAUC}
		}
	}
	return nil
}

// leastOutcomes is how many rows of either outcome it takes before a high AUC can mean
// anything but luck.
const leastOutcomes = 30

// enough tells whether a metric was measured on enough rows of either outcome.
func (r Report) enough(of models.Metric) bool {
	for _, m := range r.Metrics {
		if m.Name == models.BaseRate && m.Estimator == of.Estimator && m.Data == of.Data {
			positives := m.Value * float64(m.N)
			return min(positives, float64(m.N)-positives) >= leastOutcomes
		}
	}
	return true
}

// judge adds the metrics of model and rule on one later snapshot.
func (r *training) judge(ctx context.Context, s models.Snapshot, e models.Estimator, rule Rule, hasRule bool, report *Report) error {
	d, err := r.task.read(ctx, s, e.Features())
	if err != nil {
		return err
	}
	p, err := e.PredictProba(d.frame)
	if err != nil {
		return err
	}
	on := "validation " + s.Day()
	report.Metrics = append(report.Metrics, r.task.measure(e.Kind(), on, d.frame.Keys(), d.labels, p, p)...)
	if hasRule {
		scores, p, err := rule.Predict(d.frame)
		if err != nil {
			return err
		}
		report.Metrics = append(report.Metrics, r.task.measure(rule.Name(), on, d.frame.Keys(), d.labels, scores, p)...)
	}
	return nil
}

// describe fills the header.
func (m *Model) describe(t Task, o Options, split models.Split, d data) error {
	report, err := json.Marshal(m.Report)
	if err != nil {
		return fmt.Errorf("describing the %s model: %w", t.Name, err)
	}
	h := models.Header{
		Task: t.Name, Seed: o.Seed, HorizonDays: o.HorizonDays,
		Rows: len(d.labels), Positives: d.positives(), Report: report,
	}
	for _, s := range split.Final {
		h.Cutoffs = append(h.Cutoffs, s.Day())
	}
	m.Header, err = h.Seal(m.Estimator)
	return err
}

// Save writes the model file.
func (m *Model) Save(path string) error {
	_, err := models.WriteModel(path, m.Header, m.Estimator)
	return err
}

// Load reads a model file and checks that it is of this task.
func Load(t Task, path string) (*Model, error) {
	h, e, err := models.ReadModel(path, func(h models.Header) (models.Estimator, error) {
		if h.Task != t.Name {
			return nil, fmt.Errorf("it predicts %s, expected %s", h.Task, t.Name)
		}
		return newEstimator(h)
	})
	if err != nil {
		return nil, err
	}
	m := &Model{Header: h, Estimator: e}
	if err := json.Unmarshal(h.Report, &m.Report); err != nil {
		return nil, fmt.Errorf("loading the model %s: %w: its report: %w", path, models.ErrCorrupt, err)
	}
	return m, nil
}

// newEstimator is the list of estimators that saved models may name.
func newEstimator(h models.Header) (models.Estimator, error) {
	switch h.Estimator {
	case golearnx.KindForest:
		var p golearnx.Params
		if err := json.Unmarshal(h.Params, &p); err != nil {
			return nil, fmt.Errorf("%w: its hyper-parameters: %w", models.ErrCorrupt, err)
		}
		return golearnx.NewForest(p), nil
	}
	return nil, fmt.Errorf("it is a %q, which this program does not know", h.Estimator)
}

// span names snapshots by their first and last day.
func span(snapshots []models.Snapshot) string {
	first, last := snapshots[0].Day(), snapshots[len(snapshots)-1].Day()
	if first == last {
		return first
	}
	return first + " to " + last
}
