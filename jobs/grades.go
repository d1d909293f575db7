package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/learn"
	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/durable"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
)

// Names of the tables about how good the models are.
const (
	modelMetricsTable = "model_metrics"
	scoreGradesTable  = "score_grades"
)

var metricColumns = []string{"task VARCHAR", "model_version VARCHAR", "estimator VARCHAR", "data VARCHAR", "metric VARCHAR", "value DOUBLE", "low DOUBLE", "high DOUBLE", "n BIGINT"}

// metricsJob tells how good the models in use were on a later time than they learned
// from, beside the best simple rule.
func metricsJob(p *Project) pipeline.Job {
	return pipeline.Job{
		Name: modelMetricsTable, Kind: pipeline.Report, Needs: []string{churnModel, crossSellModel}, Logic: code(),
		About: "How good tonight's models are, measured on a later time than they learned from, beside the best simple rule.",
		Run: func(ctx context.Context, r *pipeline.Run) (pipeline.Table, error) {
			var rows []string
			for _, pr := range predictions() {
				part, ok := r.In[pr.model].At("", "")
				if !ok {
					continue
				}
				m, err := learn.Load(pr.task, part.Path)
				if err != nil {
					return pipeline.Table{}, err
				}
				for _, x := range m.Report.Metrics {
					rows = append(rows, metricRow(pr.task.Name, m.Header.Version, x))
				}
			}
			return p.valuesTable(ctx, r, metricColumns, rows)
		},
	}
}

func metricRow(task, version string, x models.Metric) string {
	low, high := "NULL", "NULL"
	if x.Low != 0 || x.High != 0 {
		low, high = strconv.FormatFloat(x.Low, 'e', -1, 64), strconv.FormatFloat(x.High, 'e', -1, 64)
	}
	return fmt.Sprintf("(%s, %s, %s, %s, %s, %s, %s, %s, %d)", duck.Quote(task), duck.Quote(version), duck.Quote(x.Estimator), duck.Quote(x.Data), duck.Quote(x.Name), strconv.FormatFloat(x.Value, 'e', -1, 64), low, high, x.N)
}

// gradeSeed is the seed of the bootstrap of grades. It is not that of the models: another
// seed of theirs must not move the intervals of scores that are published.
const gradeSeed = 1

// published scores and the column with the probability, per task.
var scoreTables = map[string][2]string{
	"churn":      {"churn_scores", "churn_probability"},
	"cross_sell": {"cross_sell_scores", "probability"},
}

// gradeJob lets published scores whose horizon has passed meet reality.
func gradeJob(p *Project) (pipeline.Job, error) {
	var all []string
	var logic []any
	for _, pr := range predictions() {
		n, err := p.plan.closure(pr.labels)
		if err != nil {
			return pipeline.Job{}, err
		}
		all = append(all, n.tables()...)
		logic = append(logic, n.texts())
	}
	prelude, err := p.prelude(pipeline.Day{})
	if err != nil {
		return pipeline.Job{}, err
	}
	slices.Sort(all)
	return pipeline.Job{
		Name: scoreGradesTable, Kind: pipeline.Report, Needs: slices.Compact(all), Logic: pipeline.Fingerprint(code(), prelude, logic),
		About: "How good the published scores turned out to be, once their horizon had passed.",
		Run:   p.grades,
	}, nil
}

func (p *Project) grades(ctx context.Context, r *pipeline.Run) (pipeline.Table, error) {
	nights, err := r.Night.Ledger.PublishedNights(ctx)
	if err != nil {
		return pipeline.Table{}, err
	}
	known, err := p.known(ctx, r)
	if err != nil {
		return pipeline.Table{}, err
	}
	nights = slices.DeleteFunc(nights, func(n ledger.Night) bool {
		day, err := pipeline.ParseDay(n.AsOf)
		return err != nil || !p.mature(day, known)
	})
	var rows, warnings []string
	for i, n := range nights {
		r.Progress(i, len(nights), "scores of "+n.AsOf)
		for _, pr := range predictions() {
			graded, warning, err := p.grade(ctx, r, n, pr)
			if ctx.Err() != nil {
				return pipeline.Table{}, ctx.Err()
			}
			if err != nil { // scores of the past must not stop those of tonight
				warnings = append(warnings, fmt.Sprintf("the %s scores of %s cannot be graded: %v", pr.task.Name, n.AsOf, err))
				continue
			}
			rows = append(rows, graded...)
			if warning != "" {
				warnings = append(warnings, warning)
			}
		}
	}
	t, err := p.valuesTable(ctx, r, append([]string{"scored_as_of DATE"}, metricColumns...), rows)
	t.Note, t.Warnings = fmt.Sprintf("%d score days graded", len(nights)), warnings
	return t, err
}

// grade measures one task's published scores of one day. A grade is kept: it changes
// only when the outcome does. Scores that are no longer there are not graded. The night
// that makes a grade warns of scores without an outcome; the count stays in the table.
func (p *Project) grade(ctx context.Context, r *pipeline.Run, n ledger.Night, pr prediction) (rows []string, warning string, err error) {
	scores := filepath.Join(r.Night.Dir, n.Directory, scoreTables[pr.task.Name][0]+".parquet")
	for _, table := range []string{scoreTables[pr.task.Name][0], valueTable} {
		if err := provePublished(ctx, r.Night.Ledger, r.Night.Dir, n, table); err != nil {
			return nil, "", err
		}
	}
	sum, _, err := durable.Digest(scores)
	if errors.Is(err, fs.ErrNotExist) {
		r.Log().Warn("published scores are gone and are not graded", "task", pr.task.Name, "scored_as_of", n.AsOf, "file", scores)
		return nil, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	stakes := ""
	if stake := pr.stake(filepath.Dir(scores)); stake != nil {
		if stakes, _, err = durable.Digest(stake.Path); err != nil {
			return nil, "", err
		}
	}
	day, err := pipeline.ParseDay(n.AsOf)
	if err != nil {
		return nil, "", err
	}
	need, err := p.plan.closure(pr.labels)
	if err != nil {
		return nil, "", err
	}
	m, _ := p.Models.Get(pr.labels)
	labels, err := p.labels(ctx, r, []pipeline.Day{day}, need, m)
	if err != nil {
		return nil, "", err
	}
	spec := pipeline.PartSpec{Dir: filepath.Join("results", scoreGradesTable, "scored_as_of="+n.AsOf), Ext: ".json", Cutoff: n.AsOf, Label: pr.task.Name, Key: []any{sum, labels.Parts[0].SHA256, stakes}}
	part, err := r.Part(ctx, spec, func(ctx context.Context, path string) (int64, error) {
		g, err := p.measure(ctx, r, n, pr, scores, labels.Parts[0].Path)
		if err != nil {
			return 0, err
		}
		warning = g.warning(pr.task.Name, n.AsOf)
		text, err := json.Marshal(g)
		if err != nil {
			return 0, fmt.Errorf("writing the grade: %w", err)
		}
		return int64(len(g.Metrics)), os.WriteFile(path, text, 0o644)
	})
	if err != nil {
		return nil, "", err
	}
	rows, err = readGrade(part.Path, n.AsOf, pr.task.Name)
	return rows, warning, err
}

// valueTable tells what customers are worth.
const valueTable = "customer_value"

// stake is what was at stake on the day of the scores, as that night told it: the margin
// that a customer would bring in a year, or that a buyer of the category brings in the
// first. Nights that did not tell have none.
func (pr prediction) stake(published string) *learn.Stake {
	s := &learn.Stake{Path: filepath.Join(published, valueTable+".parquet"), Keys: pr.task.Keys, Column: "current_value"}
	if len(pr.task.Keys) > 1 {
		s.Path, s.Column = filepath.Join(published, scoreTables[pr.task.Name][0]+".parquet"), "first_year_margin"
	}
	if _, err := os.Stat(s.Path); err != nil {
		return nil
	}
	return s
}

// grade is how good the scores of a day turned out to be.
type grade struct {
	Version string          `json:"model_version"`
	Metrics []models.Metric `json:"metrics"` // none when there were no scores
}

// strayShare is the share of scores without an outcome up to which nobody is warned. Some
// are expected: rows that were corrected or deleted at the source since, and people who
// were forgotten, are no longer among the customers of that day.
const strayShare = 0.01

// warning tells that scores cannot be graded since nothing is known of what they are about.
func (g grade) warning(task, asOf string) string {
	for _, m := range g.Metrics {
		if m.Name == models.Unmatched && m.Value > strayShare*float64(m.N) {
			return fmt.Sprintf("%.0f of the %d %s scores of %s have no outcome and are left out of their grade: by the orders known today, and today's configuration, they are not among those to be scored on that day. Were orders deleted or corrected, or history.lookback_days, the population or the categories changed since?",
				m.Value, m.N, task, asOf)
		}
	}
	return ""
}

func readGrade(path, asOf, task string) ([]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading a grade: %w", err)
	}
	var g grade
	if err := json.Unmarshal(text, &g); err != nil {
		return nil, fmt.Errorf("reading a grade: %s: %w", path, err)
	}
	var rows []string
	for _, x := range g.Metrics {
		rows = append(rows, fmt.Sprintf("(DATE %s, %s", duck.Quote(asOf), metricRow(task, g.Version, x)[1:]))
	}
	return rows, nil
}

// measure compares scores as analysts saw them with the outcome.
func (p *Project) measure(ctx context.Context, r *pipeline.Run, n ledger.Night, pr prediction, scores, labels string) (g grade, err error) {
	dir, err := r.Scratch()
	if err != nil {
		return g, err
	}
	o, err := p.session(r)
	if err != nil {
		return g, err
	}
	s, err := duck.Open(ctx, o)
	if err != nil {
		return g, err
	}
	defer s.Close()
	from := duck.ReadParquet([]string{scores})
	if err := s.Scan(ctx, "SELECT coalesce(max(model_version), '') FROM "+from, &g.Version); err != nil || g.Version == "" {
		return g, err
	}
	path := filepath.Join(dir, fmt.Sprintf("%s-%s.parquet", pr.task.Name, n.AsOf))
	columns := scoreTables[pr.task.Name][1] + " AS probability"
	if len(pr.task.Keys) > 1 {
		columns += ", rank"
	}
	query := fmt.Sprintf("SELECT %s, %s FROM %s ORDER BY ALL", duck.Idents(pr.task.Keys), columns, from)
	if _, err := s.WriteParquet(ctx, query, path); err != nil {
		return g, err
	}
	stake, err := stakeTold(ctx, s, pr.stake(filepath.Dir(scores)))
	if err != nil {
		return g, err
	}
	grading := learn.Grading{Predictions: path, Labels: labels, Estimator: "published", On: "outcome of " + n.AsOf, Stake: stake, Seed: gradeSeed}
	unmatched := 0
	if g.Metrics, unmatched, err = learn.Judge(ctx, pr.task, grading); err != nil {
		return g, err
	}
	if unmatched > 0 {
		var all int
		if err := s.Scan(ctx, "SELECT count(*) FROM "+from, &all); err != nil {
			return g, err
		}
		g.Metrics = append(g.Metrics, models.Metric{Estimator: grading.Estimator, Data: grading.On, Name: models.Unmatched, Value: float64(unmatched), N: all})
	}
	return g, nil
}

// stakeTold is the stake, or nil where the night of the scores did not tell of it yet.
func stakeTold(ctx context.Context, s *duck.Session, stake *learn.Stake) (*learn.Stake, error) {
	if stake == nil {
		return nil, nil
	}
	columns, err := s.Columns(ctx, "SELECT * FROM "+duck.ReadParquet([]string{stake.Path}))
	if err != nil || !slices.ContainsFunc(columns, func(c duck.Column) bool { return c.Name == stake.Column }) {
		return nil, err
	}
	return stake, nil
}
