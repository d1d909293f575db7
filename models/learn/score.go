package learn

import (
	"cmp"
	"context"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/explain"
	"github.com/mainstay-etl/mainstay/models/gate"
)

// Columns of the predictions file.
const (
	probability    = "probability"
	rawProbability = "raw_probability"
)

// reasonsPerRow is how many reasons a row gets.
const reasonsPerRow = 3

// Output names the two files that Score writes.
//
//	Predictions: the keys, probability, raw_probability (the model's own, before
//	  calibration, which may make neighbours equal: what a customer's rows are ranked by
//	  where probability is equal), reason_1 to reason_3 (NULL where there is none),
//	  model_version; one row per row of the snapshot, sorted by key.
//	Reasons: the keys, rank, feature, value, direction ("raises", "lowers"),
//	  effect (log-odds), sentence; one row per reason, sorted by key and rank.
type Output struct {
	Predictions string
	Reasons     string
}

// Scored says what Score did.
type Scored struct {
	Rows int
	// Findings warn of features and scores that are spread otherwise than when the model
	// learned, and (as an error) of a snapshot that holds far less than usual.
	Findings []gate.Finding
}

// Score predicts for a snapshot and writes both files.
func Score(ctx context.Context, t Task, m *Model, s models.Snapshot, w explain.Wordings, out Output) (Scored, error) {
	all, err := t.reader().Features(ctx, s)
	if err != nil {
		return Scored{}, err
	}
	f, err := all.Project(m.Estimator.Features())
	if err != nil {
		return Scored{}, err
	}
	sc := &scored{task: t, model: m, frame: f, words: w, rows: sortedByKey(f)}
	if sc.raw, err = m.Estimator.PredictProba(f); err != nil {
		return Scored{}, err
	}
	if sc.proba, err = m.Probability(f); err != nil {
		return Scored{}, err
	}
	if err := sc.explain(ctx); err != nil {
		return Scored{}, err
	}
	if err := models.WriteParquet(out.Predictions, f.Rows(), sc.predictionColumns()); err != nil {
		return Scored{}, err
	}
	done := Scored{Rows: f.Rows(), Findings: t.watch(m, s.Day(), all, sc.proba)}
	return done, models.WriteParquet(out.Reasons, len(sc.flat), sc.reasonColumns())
}

// scored holds the predictions of one snapshot.
type scored struct {
	task    Task
	model   *Model
	frame   *models.Frame
	words   explain.Wordings
	rows    []int32   // rows of the frame, sorted by key
	raw     []float64 // before calibration
	proba   []float64
	reasons map[int32][]explain.Reason // by row of the frame
	flat    []flatReason               // in the order of the reasons file
}

type flatReason struct {
	row  int32
	rank int
}

func sortedByKey(f *models.Frame) []int32 {
	rows := make([]int32, f.Rows())
	for i := range rows {
		rows[i] = int32(i)
	}
	keys := f.Keys()
	slices.SortFunc(rows, func(a, b int32) int {
		for _, k := range keys {
			if c := strings.Compare(k.At(int(a)), k.At(int(b))); c != 0 {
				return c
			}
		}
		return int(a - b)
	})
	return rows
}

// likelier orders rows as they are offered: by probability, where that is equal by the
// model's own, and then by key. The SQL of cross_sell_scores ranks the same way.
func (s *scored) likelier(a, b int32) int {
	return cmp.Or(cmp.Compare(s.proba[b], s.proba[a]), cmp.Compare(s.raw[b], s.raw[a]))
}

// toExplain lists the rows that get reasons, in key order: all, or each
// customer's likeliest ones (see likelier; s.rows are in key order).
func (s *scored) toExplain() []int32 {
	if s.task.ExplainTop == 0 {
		return s.rows
	}
	var out []int32
	customer := s.frame.Keys()[0].Codes()
	for i := 0; i < len(s.rows); {
		j := i
		for j < len(s.rows) && customer[s.rows[j]] == customer[s.rows[i]] {
			j++
		}
		best := slices.Clone(s.rows[i:j])
		slices.SortStableFunc(best, s.likelier)
		best = best[:min(s.task.ExplainTop, len(best))]
		for _, r := range s.rows[i:j] { // back in key order
			if slices.Contains(best, r) {
				out = append(out, r)
			}
		}
		i = j
	}
	return out
}

func (s *scored) explain(ctx context.Context) error {
	rows := s.toExplain()
	found, errs := make([][]explain.Reason, len(rows)), make([]error, runtime.GOMAXPROCS(0))
	var wg sync.WaitGroup
	for g := range errs {
		wg.Go(func() {
			effects := make([]float64, len(s.frame.Features()))
			for i := g; i < len(rows) && ctx.Err() == nil; i += len(errs) {
				row := int(rows[i])
				if _, err := s.model.Explain(s.frame, row, effects); err != nil {
					errs[g] = err
					return
				}
				found[i] = explain.Top(effects, func(j int) float64 { return s.frame.Column(j).At(row) }, s.topic, reasonsPerRow)
			}
		})
	}
	wg.Wait()
	for _, err := range append(errs, ctx.Err()) {
		if err != nil {
			return err
		}
	}
	s.reasons = make(map[int32][]explain.Reason, len(rows))
	for i, r := range rows {
		s.reasons[r] = found[i]
		for rank := range found[i] {
			s.flat = append(s.flat, flatReason{r, rank})
		}
	}
	return nil
}

func (s *scored) topic(feature int) string { return s.words[s.frame.Features()[feature]].Topic }

func (s *scored) sentence(r explain.Reason) string {
	return s.words.Sentence(s.frame.Features()[r.Feature], r, s.task.Of)
}

func (s *scored) predictionColumns() []models.OutColumn {
	columns := s.keyColumns(func(i int) int32 { return s.rows[i] })
	columns = append(columns,
		models.OutColumn{Name: probability, Float: func(i int) (float64, bool) { return s.proba[s.rows[i]], true }},
		models.OutColumn{Name: rawProbability, Float: func(i int) (float64, bool) { return s.raw[s.rows[i]], true }})
	for rank, name := range []string{"reason_1", "reason_2", "reason_3"} {
		columns = append(columns, models.OutColumn{Name: name, Text: func(i int) (string, bool) {
			if reasons := s.reasons[s.rows[i]]; rank < len(reasons) {
				return s.sentence(reasons[rank]), true
			}
			return "", false
		}})
	}
	return append(columns, models.OutColumn{Name: "model_version", Text: func(int) (string, bool) { return s.model.Header.Version, true }})
}

func (s *scored) reasonColumns() []models.OutColumn {
	reason := func(i int) explain.Reason { return s.reasons[s.flat[i].row][s.flat[i].rank] }
	return append(s.keyColumns(func(i int) int32 { return s.flat[i].row }),
		models.OutColumn{Name: "rank", Int: func(i int) (int32, bool) { return int32(s.flat[i].rank + 1), true }},
		models.OutColumn{Name: "feature", Text: func(i int) (string, bool) { return s.frame.Features()[reason(i).Feature], true }},
		models.OutColumn{Name: "value", Float: func(i int) (float64, bool) { v := reason(i).Value; return v, v == v }},
		models.OutColumn{Name: "direction", Text: func(i int) (string, bool) { return reason(i).Direction, true }},
		models.OutColumn{Name: "effect", Float: func(i int) (float64, bool) { return reason(i).Effect, true }},
		models.OutColumn{Name: "sentence", Text: func(i int) (string, bool) { return s.sentence(reason(i)), true }},
	)
}

func (s *scored) keyColumns(row func(int) int32) []models.OutColumn {
	var columns []models.OutColumn
	for _, k := range s.frame.Keys() {
		columns = append(columns, models.OutColumn{Name: k.Name, Text: func(i int) (string, bool) { return k.At(int(row(i))), true }})
	}
	return columns
}
