package jobs

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/explain"
	"github.com/mainstay-etl/mainstay/models/gate"
	"github.com/mainstay-etl/mainstay/models/learn"
	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
)

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

// Labels of the parts of a predictions table besides the predictions themselves.
const (
	reasonsPart  = "reasons"
	findingsPart = "findings" // what the gates say of the scored snapshot, as JSON
)

func (p *Project) score(ctx context.Context, r *pipeline.Run, pr prediction, words explain.Wordings) (pipeline.Table, error) {
	s, digests := p.snapshot(r, pr, r.Night.AsOf)
	sc := &scoring{p: p, r: r, pr: pr, snapshot: s, words: words}
	if model, ok := r.In[pr.model].At("", ""); ok {
		sc.model = model
	}
	var t pipeline.Table
	for _, label := range []string{findingsPart, "", reasonsPart} {
		spec := pipeline.PartSpec{
			Dir: filepath.Join("results", pr.predictions, "as_of="+r.Night.AsOf.String()), Ext: ".parquet", Label: label,
			Key: []any{r.Night.AsOf.String(), sc.model.SHA256, digests},
		}
		if label == findingsPart {
			spec.Ext = ".json"
		}
		part, err := r.Part(ctx, spec, func(ctx context.Context, path string) (int64, error) { return sc.write(ctx, label, path) })
		if err != nil {
			return t, err
		}
		if label == findingsPart {
			if t.Warnings, err = p.heed(pr, part.Path); err != nil {
				return t, err
			}
		}
		t.Parts = append(t.Parts, part)
	}
	return t, nil
}

// heed turns what the gates say of a scored snapshot into warnings, or holds the night
// back: scores from a fraction of the data are worse than those of last night.
func (p *Project) heed(pr prediction, path string) (warnings []string, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading what the gates found: %w", err)
	}
	var findings []gate.Finding
	if err := json.Unmarshal(text, &findings); err != nil {
		return nil, fmt.Errorf("reading what the gates found: %s: %w", path, err)
	}
	for _, f := range findings {
		switch {
		case f.Severity == gate.Error && p.Config.Quality.HoldThinSnapshots:
			return nil, fmt.Errorf("%s: %s If this is how things are, set quality.hold_thin_snapshots to false in mainstay.yaml", f.Gate, f.Message)
		case f.Severity != gate.Info:
			warnings = append(warnings, pr.task.Name+": "+f.Message)
		}
	}
	return warnings, nil
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
	findings []gate.Finding
}

func (sc *scoring) write(ctx context.Context, label, path string) (int64, error) {
	if sc.out.Predictions == "" {
		if err := sc.run(ctx); err != nil {
			return 0, err
		}
	}
	from := sc.out.Predictions
	switch label {
	case reasonsPart:
		from = sc.out.Reasons
	case findingsPart:
		text, err := json.MarshalIndent(sc.findings, "", " ")
		if err != nil {
			return 0, fmt.Errorf("writing what the gates found: %w", err)
		}
		return 0, os.WriteFile(path, append(text, '\n'), 0o644)
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
	scored, err := learn.Score(ctx, sc.pr.task, m, sc.snapshot, sc.words, sc.out)
	sc.findings = scored.Findings
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
	if _, err := s.WriteParquet(ctx, "SELECT "+keys+"0::DOUBLE AS probability, 0::DOUBLE AS raw_probability, ''::VARCHAR AS reason_1, ''::VARCHAR AS reason_2, ''::VARCHAR AS reason_3, ''::VARCHAR AS model_version WHERE false", sc.out.Predictions); err != nil {
		return err
	}
	_, err = s.WriteParquet(ctx, "SELECT "+keys+"0::INTEGER AS rank, ''::VARCHAR AS feature, 0::DOUBLE AS value, ''::VARCHAR AS direction, 0::DOUBLE AS effect, ''::VARCHAR AS sentence WHERE false", sc.out.Reasons)
	return err
}
