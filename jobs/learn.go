package jobs

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/churn"
	"github.com/mainstay-etl/mainstay/models/crosssell"
	"github.com/mainstay-etl/mainstay/models/explain"
	"github.com/mainstay-etl/mainstay/models/golearnx"
	"github.com/mainstay-etl/mainstay/models/learn"
	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/config"
	"github.com/mainstay-etl/mainstay/pipeline/contract"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
)

// Tables that hold model versions.
const (
	churnModel     = "churn_model"
	crossSellModel = "cross_sell_model"
)

// prediction is one thing that a night predicts: its tables and what learns it.
type prediction struct {
	task                                learn.Task
	model, labels, predictions, reasons string
	features                            []string // tables that it is scored from
	about                               string
	forest                              func(config.Models) config.Forest
}

// predictions is the explicit list of what a night predicts.
func predictions() []prediction {
	return []prediction{
		{
			task: churn.Task(), model: churnModel, labels: churnLabels, predictions: churnPredictions, reasons: churnReasons,
			features: []string{customerFeatures},
			about:    "probability that an active customer does not order within the horizon",
			forest:   func(m config.Models) config.Forest { return m.Churn },
		},
		{
			task: crosssell.Task(), model: crossSellModel, labels: crossSellLabels, predictions: crossSellPredictions, reasons: crossSellReasons,
			features: []string{customerFeatures, customerCategoryFeatures},
			about:    "probability that an active customer buys a category within the horizon that it did not buy lately",
			forest:   func(m config.Models) config.Forest { return m.CrossSell },
		},
	}
}

// modelTrainingJobs learn from all mature snapshots. The version of a night is kept
// until a new snapshot matures or what it learns from changes.
func modelTrainingJobs(p *Project) []pipeline.Job {
	var jobs []pipeline.Job
	for _, pr := range predictions() {
		jobs = append(jobs, pipeline.Job{
			Name: pr.model, Kind: pipeline.Model, Needs: append([]string{pr.labels}, pr.features...),
			Logic: pipeline.Fingerprint(code(), pr.task, p.Config.Models.Seed, p.Config.Models.MaxAUC, pr.forest(p.Config.Models), p.Config.History.HorizonDays),
			About: "model: " + pr.about,
			Run:   func(ctx context.Context, r *pipeline.Run) (pipeline.Table, error) { return p.train(ctx, r, pr) },
		})
	}
	return jobs
}

func (p *Project) train(ctx context.Context, r *pipeline.Run, pr prediction) (pipeline.Table, error) {
	mature, key := p.matureSnapshots(r, pr)
	if len(mature) == 0 {
		note, err := p.notYet(ctx, r)
		return pipeline.Table{Note: note}, err
	}
	forest := pr.forest(p.Config.Models)
	if forest.MaxRows == 0 {
		forest.MaxRows = math.MaxInt
	}
	o := learn.Options{
		HorizonDays: p.Config.History.HorizonDays, Seed: uint64(p.Config.Models.Seed), MaxAUC: p.Config.Models.MaxAUC, MaxRows: forest.MaxRows,
		New: func() models.Estimator {
			return golearnx.NewForest(golearnx.Params{Trees: forest.Trees, MaxDepth: forest.MaxDepth, MinLeaf: forest.MinLeaf, Seed: uint64(p.Config.Models.Seed)})
		},
	}
	part, err := r.Part(ctx, pipeline.PartSpec{Dir: filepath.Join("models", pr.task.Name), Ext: ".model", Key: key}, func(ctx context.Context, path string) (int64, error) {
		m, err := learn.Train(ctx, pr.task, mature, o, func(done, total int) { r.Progress(done, total, "trees") })
		if err != nil {
			return 0, err
		}
		return int64(m.Header.Rows), m.Save(path)
	})
	if errors.Is(err, models.ErrTooLittle) {
		return pipeline.Table{Note: fmt.Sprintf("no model yet: %v", err)}, nil
	}
	if err != nil {
		return pipeline.Table{}, err
	}
	m, err := learn.Load(pr.task, part.Path)
	if err != nil {
		return pipeline.Table{}, err
	}
	return pipeline.Table{Parts: []pipeline.Part{part}, Note: "version " + m.Header.Version}, nil
}

// notYet says what is missing before anything can be learned, and when it will be there.
func (p *Project) notYet(ctx context.Context, r *pipeline.Run) (string, error) {
	l := lakeOf(r)
	orders, err := l.Table(ctx, contract.Orders.Name)
	if err != nil {
		return "", err
	}
	h := p.Config.History
	enough := pipeline.DayOf(orders.Start(), p.Config.Location()).AddDays(h.MinDays)
	first := pipeline.Months(enough, enough.AddDays(31))[0]
	return fmt.Sprintf("no model yet, so no scores: no snapshot has a known outcome. The first day of a month with %d days of history before it is %s; its outcome is known %d days later, from the night of %s on",
		h.MinDays, first, h.HorizonDays, first.AddDays(h.HorizonDays)), nil
}

// matureSnapshots are the files to learn from and what names their content.
func (p *Project) matureSnapshots(r *pipeline.Run, pr prediction) ([]models.Snapshot, []any) {
	var out []models.Snapshot
	var key []any
	for _, labels := range r.In[pr.labels].Parts {
		cutoff, err := pipeline.ParseDay(labels.Cutoff)
		if err != nil {
			continue
		}
		s, digests := p.snapshot(r, pr, cutoff)
		s.Labels = labels.Path
		out = append(out, s)
		key = append(key, labels.Cutoff, labels.SHA256, digests)
	}
	return out, key
}

// snapshot names the feature files of a cutoff.
func (p *Project) snapshot(r *pipeline.Run, pr prediction, cutoff pipeline.Day) (models.Snapshot, []string) {
	s := models.Snapshot{Cutoff: cutoff.Start(p.Config.Location())}
	var digests []string
	for _, name := range pr.features {
		part, _ := r.In[name].At(cutoff.String(), "")
		digests = append(digests, part.SHA256)
		switch name {
		case customerFeatures:
			s.CustomerFeatures = part.Path
		case customerCategoryFeatures:
			s.CategoryFeatures = part.Path
		}
	}
	return s, digests
}

// scoreJobs predict for the as-of day, from the saved model. The reasons come out of
// the same run and are a table of their own.
func scoreJobs(p *Project) []pipeline.Job {
	var jobs []pipeline.Job
	words := p.wordings()
	for _, pr := range predictions() {
		jobs = append(jobs,
			pipeline.Job{
				Name: pr.predictions, Kind: pipeline.Score, Needs: append([]string{pr.model}, pr.features...),
				Logic: pipeline.Fingerprint(code(), pr.task, words), About: pr.about,
				Run: func(ctx context.Context, r *pipeline.Run) (pipeline.Table, error) { return p.score(ctx, r, pr, words) },
			},
			pipeline.Job{
				Name: pr.reasons, Kind: pipeline.Score, Needs: []string{pr.predictions}, Logic: code(),
				About: "Why each score is what it is: the features that moved it most.",
				Run: func(ctx context.Context, r *pipeline.Run) (pipeline.Table, error) {
					part, _ := r.In[pr.predictions].At("", reasonsPart)
					part.Label = ""
					return pipeline.Table{Parts: []pipeline.Part{part}}, nil
				},
			})
	}
	return jobs
}

const reasonsPart = "reasons"

func (p *Project) score(ctx context.Context, r *pipeline.Run, pr prediction, words explain.Wordings) (pipeline.Table, error) {
	s, digests := p.snapshot(r, pr, r.Night.AsOf)
	sc := &scoring{p: p, r: r, pr: pr, snapshot: s, words: words}
	if model, ok := r.In[pr.model].At("", ""); ok {
		sc.model = model
	}
	var t pipeline.Table
	for _, label := range []string{"", reasonsPart} {
		spec := pipeline.PartSpec{
			Dir: filepath.Join("results", pr.predictions, "as_of="+r.Night.AsOf.String()), Ext: ".parquet", Label: label,
			Key: []any{r.Night.AsOf.String(), sc.model.SHA256, digests},
		}
		part, err := r.Part(ctx, spec, func(ctx context.Context, path string) (int64, error) { return sc.write(ctx, label, path) })
		if err != nil {
			return t, err
		}
		t.Parts = append(t.Parts, part)
	}
	return t, nil
}

// scoring makes both files of a prediction at once and hands them out one by one.
type scoring struct {
	p        *Project
	r        *pipeline.Run
	pr       prediction
	model    pipeline.Part
	snapshot models.Snapshot
	words    explain.Wordings
	out      learn.Output
}

func (sc *scoring) write(ctx context.Context, label, path string) (int64, error) {
	if sc.out.Predictions == "" {
		if err := sc.run(ctx); err != nil {
			return 0, err
		}
	}
	from := sc.out.Predictions
	if label == reasonsPart {
		from = sc.out.Reasons
	}
	if err := os.Rename(from, path); err != nil {
		return 0, fmt.Errorf("moving scores: %w", err)
	}
	o, err := sc.p.session(sc.r)
	if err != nil {
		return 0, err
	}
	s, err := duck.Open(ctx, o)
	if err != nil {
		return 0, err
	}
	defer s.Close()
	return s.VerifyParquet(ctx, path)
}

func (sc *scoring) run(ctx context.Context) error {
	dir, err := sc.r.Scratch()
	if err != nil {
		return err
	}
	sc.out = learn.Output{Predictions: filepath.Join(dir, "predictions.parquet"), Reasons: filepath.Join(dir, "reasons.parquet")}
	if sc.model.Path == "" {
		return sc.writeNone(ctx)
	}
	m, err := learn.Load(sc.pr.task, sc.model.Path)
	if err != nil {
		return err
	}
	_, err = learn.Score(ctx, sc.pr.task, m, sc.snapshot, sc.words, sc.out)
	return err
}

// writeNone writes empty files: without a model there are no scores, and the night's
// warning says why and from when on.
func (sc *scoring) writeNone(ctx context.Context) error {
	keys := ""
	for _, k := range sc.pr.task.Keys {
		keys += "''::VARCHAR AS " + k + ", "
	}
	s, err := duck.Open(ctx, duck.Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	if _, err := s.WriteParquet(ctx, "SELECT "+keys+"0::DOUBLE AS probability, ''::VARCHAR AS reason_1, ''::VARCHAR AS reason_2, ''::VARCHAR AS reason_3, ''::VARCHAR AS model_version WHERE false", sc.out.Predictions); err != nil {
		return err
	}
	_, err = s.WriteParquet(ctx, "SELECT "+keys+"0::INTEGER AS rank, ''::VARCHAR AS feature, 0::DOUBLE AS value, ''::VARCHAR AS direction, 0::DOUBLE AS effect, ''::VARCHAR AS sentence WHERE false", sc.out.Reasons)
	return err
}
