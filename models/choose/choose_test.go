package choose

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/blend"
	"github.com/mainstay-etl/mainstay/models/golearnx"
	"github.com/mainstay-etl/mainstay/models/linear"
	"github.com/mainstay-etl/mainstay/models/modeltest"
	"github.com/mainstay-etl/mainstay/models/rows"
)

// parts are monthly snapshots of a made-up shop.
func parts(t *testing.T, customers, months int) []rows.Part {
	t.Helper()
	reader := rows.Reader{Keys: []string{"customer_id"}, Label: "churned"}
	s := modeltest.Shop{Dir: t.TempDir(), Customers: customers}.Year(t, reader.Keys, reader.Label, months+1)[:months]
	out, err := reader.ReadParts(t.Context(), s, 1, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func linearOf(name string, c float64) Candidate {
	return Candidate{Name: name, Passes: 10, New: func() models.Estimator { return linear.New(linear.Params{C: c}) }}
}

// coin guesses: trees of depth 1 on one feature drawn at random.
var coin = Candidate{Name: "coin", Passes: 1, New: func() models.Estimator {
	return golearnx.NewForest(golearnx.Params{Trees: 1, MaxDepth: 1, MinLeaf: 200, Features: 1, Seed: 5})
}}

func choose(t *testing.T, p []rows.Part, o Options, c ...Candidate) Result {
	t.Helper()
	o.HorizonDays, o.Seed = 90, 3
	r, err := Choose(t.Context(), p, c, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestFolds: no fold learns from an outcome that was not known at its judging cutoff, and
// customers are kept apart where time cannot be.
func TestFolds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		months   int
		judged   []string
		customer int
	}{
		{2, nil, 4},
		{4, []string{"2011-04-01"}, 4},
		{6, []string{"2011-06-01", "2011-05-01", "2011-04-01"}, 4}, // the second and third learn from too little
		{8, []string{"2011-08-01", "2011-07-01", "2011-06-01"}, 0},
	} {
		p := parts(t, 60, c.months)
		var judged []string
		customers := 0
		for _, f := range plan(p, Options{HorizonDays: 90}) {
			if f.others != nil {
				customers++
				continue
			}
			judged = append(judged, f.Judge)
			last := f.parts[len(f.parts)-1].Snapshot.Cutoff
			if last.AddDate(0, 0, 90).After(f.judge.Snapshot.Cutoff) {
				t.Errorf("%d months: judged on %s, learned from %s", c.months, f.Judge, f.Learn)
			}
		}
		if !slices.Equal(judged, c.judged) || customers != c.customer {
			t.Errorf("%d months: judged on %v and %d folds by customer", c.months, judged, customers)
		}
	}
	for _, c := range []struct{ months, learned int }{{2, 300}, {3, 300}} {
		judged := 0
		for _, f := range plan(parts(t, 200, c.months), Options{HorizonDays: 90}) {
			train, judge, err := f.rows(1, 3)
			if err != nil {
				t.Fatal(err)
			}
			in := map[string]bool{}
			for _, name := range train.Customers() {
				in[name] = true
			}
			for _, name := range judge.Customers() {
				if in[name] {
					t.Fatalf("customer %s is on both sides", name)
				}
			}
			judged += judge.Len()
			if n := train.Len(); n < c.learned-60 || n > c.learned+60 {
				t.Errorf("%d months: learns from %d rows, want about %d", c.months, n, c.learned)
			}
		}
		if want := map[int]int{2: 400, 3: 200}[c.months]; judged != want {
			t.Errorf("%d months: %d rows judged, want %d", c.months, judged, want)
		}
	}
}

func TestTheBetterOneWins(t *testing.T) {
	t.Parallel()
	r := choose(t, parts(t, 500, 6), Options{}, coin, linearOf("linear", 1))
	if r.Chosen != "linear" && !strings.HasPrefix(r.Chosen, "blend") || len(r.Tried) != 3 {
		t.Errorf("chosen %s of %v", r.Chosen, r.Tried)
	}
	if r.Tried[0].Behind <= 2*r.Tried[0].SE || r.Tried[0].AUC > 0.75 {
		t.Errorf("the coin: %+v", r.Tried[0])
	}
	judged := 0
	for _, u := range r.Unseen {
		judged += len(u.Probability)
		if u.Rows.Len() != len(u.Probability) || u.Learned == 0 {
			t.Errorf("%d predictions for %d rows after %d", len(u.Probability), u.Rows.Len(), u.Learned)
		}
	}
	if judged != 3*500+500 {
		t.Errorf("%d predictions, want three cutoffs by time and one by customer", judged)
	}
}

// TestFirmestOfEquals: of settings that nobody can tell apart the first is taken.
func TestFirmestOfEquals(t *testing.T) {
	t.Parallel()
	r := choose(t, parts(t, 500, 5), Options{}, linearOf("silly", 1e-7), linearOf("firm", 1), linearOf("loose", 1))
	if r.Chosen != "firm" || r.Candidate.Name != "firm" {
		t.Errorf("chosen %s: %s", r.Chosen, r.Why)
	}
}

// TestBlendIsWhatItsMembersAre: what was compared is what gets fitted.
func TestBlendIsWhatItsMembersAre(t *testing.T) {
	t.Parallel()
	forest := Candidate{Name: "forest", Passes: 60, New: func() models.Estimator {
		return golearnx.NewForest(golearnx.Params{Trees: 20, MaxDepth: 4, MinLeaf: 20, Seed: 5})
	}}
	p := parts(t, 300, 4)
	r := choose(t, p, Options{}, linearOf("linear", 1), forest)
	b := r.Tried[2]
	if b.Name != "blend of linear + forest" || b.Kind != blend.Kind {
		t.Fatalf("third: %+v", b)
	}
	run := &run{candidates: []Candidate{linearOf("linear", 1), forest}}
	run.addBlend([]int{0, 1})
	e := run.candidates[2].New()
	d, err := rows.Join(p)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Fit(t.Context(), d.Training(0)); err != nil {
		t.Fatal(err)
	}
	got, err := e.PredictProba(d.Frame)
	if err != nil {
		t.Fatal(err)
	}
	var each [][]float64
	for _, c := range run.candidates[:2] {
		m := c.New()
		if err := m.Fit(t.Context(), d.Training(0)); err != nil {
			t.Fatal(err)
		}
		q, err := m.PredictProba(d.Frame)
		if err != nil {
			t.Fatal(err)
		}
		each = append(each, q)
	}
	if !slices.Equal(got, blend.Mean(each)) {
		t.Error("the fitted blend is not the mean of its fitted members")
	}
}

// TestWork: the bound holds, decided before anything is fitted.
func TestWork(t *testing.T) {
	t.Parallel()
	p := parts(t, 200, 5)
	var all []Candidate
	for _, c := range []Candidate{linearOf("cheap", 1), linearOf("dear", 1), linearOf("dearest", 1)} {
		c.Passes = map[string]float64{"cheap": 1, "dear": 20, "dearest": 100}[c.Name]
		all = append(all, c)
	}
	full := Planned(p, all, Options{HorizonDays: 90, Work: math.Inf(1)})
	r := choose(t, p, Options{Work: full / 2}, all...)
	if r.Work.Done > full/2 || r.Work.FoldsLeftOut == 0 || r.Work.Share != 1 || r.Work.Dropped != nil || len(r.Folds) < leastFolds {
		t.Errorf("half the work: %+v", r.Work)
	}
	r = choose(t, p, Options{Work: full / 20}, all...)
	if r.Work.Done > full/20 || len(r.Work.Dropped) == 0 || r.Work.Dropped[0] != "dearest" || len(r.Tried) == 3 {
		t.Errorf("a twentieth: %+v", r.Work)
	}
	r = choose(t, p, Options{Work: 1}, all...)
	if len(r.Work.Dropped) != 2 || r.Chosen != "cheap" {
		t.Errorf("next to nothing: %+v", r.Work)
	}
	if Planned(p, all, Options{HorizonDays: 90, Work: full / 2}) > full/2 {
		t.Error("the plan is dearer than its bound")
	}
}

// TestKindsOutliveSettings: what is too dear goes, but the last of a kind only after all
// others, however dear it is.
func TestKindsOutliveSettings(t *testing.T) {
	t.Parallel()
	forest := coin
	forest.Name, forest.Passes = "forest", 600
	firm, loose, looser := linearOf("firm", 0.1), linearOf("loose", 1), linearOf("looser", 10)
	all := []Candidate{firm, loose, looser, forest}
	for _, c := range []struct {
		kept    []Candidate // what the work is just enough for
		dropped string
	}{
		{all, ""},
		{[]Candidate{loose, looser, forest}, "firm"},
		{[]Candidate{loose, forest}, "firm looser"},
		{[]Candidate{loose}, "firm looser forest"},
		{nil, "firm looser forest"}, // one is always tried
	} {
		r := run{width: 10, folds: []fold{{size: 1000}}}
		r.options.Work = max(r.price(c.kept, 1), 1)
		if _, w := r.afford(all); strings.Join(w.Dropped, " ") != c.dropped {
			t.Errorf("%v is dropped, want %q", w.Dropped, c.dropped)
		}
	}
}

// TestThinningGoesBeforeCandidates: with rows to spare none is dropped.
func TestThinningGoesBeforeCandidates(t *testing.T) {
	t.Parallel()
	all := []Candidate{linearOf("cheap", 1), coin}
	all[1].Passes = 600
	r := run{width: 10, folds: []fold{{size: 2 * leastRows}, {size: leastRows}, {size: leastRows / 2}}}
	r.options.Work = r.price(all, 0.6)
	if kept, w := r.afford(all); len(kept) != 2 || w.Dropped != nil || math.Abs(w.Share-0.6) > 1e-9 {
		t.Errorf("%+v", w)
	}
	r.options.Work = r.price(all, 0.4)
	if kept, w := r.afford(all); len(kept) != 1 || len(w.Dropped) != 1 || w.Share != 1 {
		t.Errorf("below the floor: %+v", w)
	}
}

func TestRipe(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		learned, all int
		want         bool
	}{
		{40, 100, true}, {39, 100, false},
		{leastRows, 1_000_000, true}, {leastRows * 95 / 100, 1_000_000, true}, // thinned to the floor, give or take
		{leastRows / 2, 1_000_000, false},
	} {
		if got := Ripe(c.learned, c.all); got != c.want {
			t.Errorf("%d of %d: %v", c.learned, c.all, got)
		}
	}
}

func TestNothingToCompare(t *testing.T) {
	t.Parallel()
	p := parts(t, 1, 2)
	r := choose(t, p, Options{}, linearOf("first", 1), linearOf("second", 2))
	if r.Chosen != "first" || r.Unseen != nil || !strings.Contains(r.Why, "Nothing could be compared") || r.Folds[0].Skipped == "" {
		t.Errorf("%+v", r)
	}
	if _, err := Choose(t.Context(), p, nil, Options{}); err == nil {
		t.Error("no candidates were accepted")
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := Choose(ctx, parts(t, 100, 4), []Candidate{coin}, Options{HorizonDays: 90}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestMeterOnlyRises(t *testing.T) {
	t.Parallel()
	var got []int
	m := NewMeter(100, func(done, total int) {
		if total != steps {
			t.Errorf("of %d", total)
		}
		got = append(got, done)
	})
	a, b := m.Part(60), m.Part(40)
	a(1, 2)
	a(1, 2)
	a(2, 2)
	b(1, 4)
	m.Finish()
	if !slices.Equal(got, []int{300, 600, 700, 1000}) {
		t.Errorf("%v", got)
	}
	var none *Meter
	none.Part(1)(1, 1)
	none.Finish()
}
