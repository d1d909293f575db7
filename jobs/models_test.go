package jobs_test

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/jobs"
	"github.com/mainstay-etl/mainstay/longtest"
	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/churn"
	"github.com/mainstay-etl/mainstay/models/crosssell"
	"github.com/mainstay-etl/mainstay/models/learn"
	"github.com/mainstay-etl/mainstay/models/rows"
	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/warehouse"
)

// explain tells the story of a customer as of a day.
func (b *testBundle) explain(customer, asOf string) *jobs.Story {
	b.t.Helper()
	return b.explainIn(must(b.load()), customer, asOf)
}

func (b *testBundle) explainIn(p *jobs.Project, customer, asOf string) *jobs.Story {
	b.t.Helper()
	story, err := jobs.Explain(b.ctx, p, customer, jobs.ExplainOptions{AsOf: must(pipeline.ParseDay(asOf)), Rows: 5})
	if err != nil {
		b.t.Fatal(err)
	}
	return story
}

// Every published probability can be computed again from the model file and the published
// features, and base and effects add up to it.
func TestEveryScoreCanBeTraced(t *testing.T) {
	t.Parallel()
	b := after(t, 300, firstAsOf)
	for task, scores := range map[string]string{"churn": "SELECT customer_id, '', churn_probability FROM churn_scores", "cross_sell": "SELECT customer_id, category, probability FROM cross_sell_scores"} {
		b.traceAll(task, scores)
	}
	versions := strings.Fields(scan[string](b, "SELECT string_agg(task || ' ' || model_version, ' ' ORDER BY task) FROM model_versions"))
	// The same by way of the command, which takes longer: for some.
	customers := strings.Fields(scan[string](b, "SELECT string_agg(customer_id, ' ' ORDER BY hash(customer_id)) FROM (FROM churn_scores ORDER BY hash(customer_id) LIMIT 8)"))
	p := must(b.load())
	for _, customer := range customers {
		story := b.explainIn(p, customer, firstAsOf)
		if len(story.Scores) < 2 || story.Scores[0].Task != "churn" {
			t.Fatalf("customer %s has %d scores told", customer, len(story.Scores))
		}
		for _, s := range story.Scores {
			sum := s.Base
			for _, e := range s.Effects {
				sum += e.Effect
			}
			if logit := math.Log(s.Published / (1 - s.Published)); math.Abs(sum-logit) > 1e-9 {
				t.Errorf("%s, %s %s: base and effects give %.12f, the score is %.12f in log-odds", customer, s.Task, s.Category, sum, logit)
			}
			if math.Abs(s.Again-s.Published) > 1e-12 {
				t.Errorf("%s, %s %s: %.15f computed again, %.15f published", customer, s.Task, s.Category, s.Again, s.Published)
			}
			if want := versions[slices.Index(versions, s.Task)+1]; s.Version != want {
				t.Errorf("told version %s, in service is %s", s.Version, want)
			}
		}
		if e := story.Events[0]; e.Total == 0 || e.Latest[0].Source != "orders" || e.Latest[0].Input == "" || e.Latest[0].Record == 0 {
			t.Errorf("source rows of %s: %+v", customer, e)
		}
	}
}

// traceAll computes every published score of a task again, from the model file that
// model_versions names and the published features, with its effects.
func (b *testBundle) traceAll(task, scores string) {
	b.t.Helper()
	t := map[string]learn.Task{"churn": churn.Task(), "cross_sell": crosssell.Task()}[task]
	m := must(learn.Load(t, filepath.Join(b.data, scan[string](b, "SELECT file FROM model_versions WHERE task = '"+task+"'"))))
	table := func(name string) string { return filepath.Join(b.data, "tables", "as_of="+firstAsOf, name+".parquet") }
	snapshot := models.Snapshot{CustomerFeatures: table("customer_features"), CategoryFeatures: table("customer_category_features")}
	f := must(rows.Reader{Keys: t.Keys, Label: t.Label}.Features(b.ctx, snapshot))
	f = must(f.Project(m.Estimator.Features()))
	again := must(m.Probability(f))
	published := b.scores(scores)
	if len(published) != len(again) || len(published) < 100 {
		b.t.Errorf("%s: %d scores are published, %d customers or pairs have features", task, len(published), len(again))
	}
	effects := make([]float64, len(f.Features()))
	for i, p := range again {
		was, ok := published[f.KeyOf(i)]
		if !ok || math.Abs(p-was) > 1e-12 {
			b.t.Fatalf("%s of %q: %.15f computed again, %.15f published (%v)", task, f.KeyOf(i), p, was, ok)
		}
		sum := must(m.Explain(f, i, effects))
		for _, e := range effects {
			sum += e
		}
		if logit := math.Log(was / (1 - was)); math.Abs(sum-logit) > 1e-9 {
			b.t.Fatalf("%s of %q: base and effects give %.12f, the score is %.12f in log-odds", task, f.KeyOf(i), sum, logit)
		}
	}
}

// scores reads published probabilities by their whole key: customer, category ("" for none)
// and probability are the columns of the query.
func (b *testBundle) scores(query string) map[string]float64 {
	b.t.Helper()
	s := must(duck.Open(b.ctx, duck.Options{Path: filepath.Join(b.data, warehouse.FileName), ReadOnly: true}))
	defer s.Close()
	out := map[string]float64{}
	for _, row := range must(s.Query(b.ctx, query)).Rows {
		key := row[0].(string)
		if category := row[1].(string); category != "" {
			key += "\x00" + category
		}
		out[key] = row[2].(float64)
	}
	return out
}

// A later night whose model learned more meets the model in service before it; nights on
// the same snapshots have the same one, and learn nothing twice.
func TestChallengerMeetsTheChampion(t *testing.T) {
	t.Parallel()
	b := after(t, 300, "2023-12-01")
	first := scan[string](b, "SELECT model_version FROM model_versions WHERE task = 'churn'")
	if n := scan[int64](b, "SELECT count(*) FROM model_versions WHERE champion_version IS NOT NULL"); n != 0 {
		t.Error("the first night has a champion")
	}
	b.mustRun("2024-01-02", "")
	second := scan[string](b, "SELECT model_version FROM model_versions WHERE task = 'churn'")
	if champion := scan[string](b, "SELECT champion_version FROM model_versions WHERE task = 'churn'"); champion != first {
		t.Errorf("the champion is %s, want %s", champion, first)
	}
	if use := scan[string](b, `SELECT "use" FROM model_versions WHERE task = 'churn'`); use == "champion" && second != first || use == "challenger" && second == first {
		t.Errorf("%s is in use, version %s after %s", use, second, first)
	}
	out := b.mustRun("2024-01-03", "")
	for _, part := range out.Tables["churn_model"].Parts {
		if !part.Reused {
			t.Errorf("part %q was made again although nothing had matured", part.Label)
		}
	}
	versions, err := jobs.ModelVersions(b.ctx, b.data)
	if err != nil {
		t.Fatal(err)
	}
	served := map[string]string{}
	for _, v := range versions {
		if v.Task == "churn" {
			served[v.Version] += strings.Join(v.Served, " ")
		}
	}
	for _, v := range versions {
		if v.Task == "churn" && v.Version == first && (v.Made.Night != 1 || v.Made.At.IsZero() || v.Made.Took <= 0) {
			t.Errorf("%s was made: %+v", v.Version, v.Made)
		}
	}
	// A damaged file does not hide the others.
	if err := os.WriteFile(filepath.Join(b.data, "models", "churn", "0.model"), []byte("no model"), 0o644); err != nil {
		t.Fatal(err)
	}
	again, err := jobs.ModelVersions(b.ctx, b.data)
	if err != nil || len(again) != len(versions)+1 {
		t.Errorf("with a damaged file: %d versions, want %d and the damaged one (%v)", len(again), len(versions), err)
	}
	if !strings.Contains(served[first], "2023-12-01") || !strings.Contains(served[second], "2024-01-03") {
		t.Errorf("served: %v", served)
	}
}

// Most of the latest month is missing, but not its end: the night is held back, and
// published with a warning where the configuration says so.
func TestMissingMonthHoldsTheNight(t *testing.T) {
	t.Parallel()
	longtest.Only(t)
	b := setup(t, 300)
	config := strings.Replace(testConfig, "max_cutoffs: 3", "max_cutoffs: 7", 1) // it takes some snapshots to know what is usual
	b.write("mainstay.yaml", config)
	from, to := must(time.Parse(time.DateOnly, "2023-12-15")), must(time.Parse(time.DateOnly, "2024-01-29"))
	removed := 0
	for _, path := range must(filepath.Glob(filepath.Join(b.dir, "incoming", "orders", "*.csv"))) {
		removed += b.cutFile(path, "ordered_at", func(when time.Time) bool { return !when.Before(from) && when.Before(to) })
	}
	if removed == 0 {
		t.Fatal("no orders to delete: the test shows nothing")
	}
	_, err := b.run(firstAsOf, "")
	if err == nil || !strings.Contains(err.Error(), "volume: ") || !strings.Contains(err.Error(), "quality.hold_thin_snapshots") {
		t.Fatalf("got %v", err)
	}
	b.write("mainstay.yaml", config+"quality: {hold_thin_snapshots: false}\n")
	if out := b.mustRun(firstAsOf, ""); len(out.Warnings) == 0 {
		t.Error("published without a warning")
	}
}
