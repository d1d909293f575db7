package retention

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/ledger"
)

func day(n int) string {
	return time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, n).Format(time.DateOnly)
}

// random makes the state of some nights that made what nights make.
func random(r *rand.Rand) (State, Needs) {
	var s State
	needs := Needs{Tables: []string{"scores"}, Outcomes: []string{"grades"}, Models: map[string]bool{}, Timeless: []string{"customers"}}
	n := 1 + r.IntN(40)
	for i := range n {
		d, id := day(i), int64(i+1)
		s.Published = append(s.Published, ledger.Night{ID: id, AsOf: d})
		add := func(table, path string) {
			s.Artifacts = append(s.Artifacts, ledger.Artifact{Key: path, Table: table, Path: path, Night: id})
		}
		add("features", fmt.Sprintf("snapshots/features/cutoff=%s/k%d.parquet", d, i))
		if i > 0 && r.IntN(4) == 0 {
			add("features", fmt.Sprintf("snapshots/features/cutoff=%s/k%d.parquet", day(r.IntN(i)), i))
		}
		add("grades", fmt.Sprintf("snapshots/grades/cutoff=%s/k%d.parquet", d, i))
		add("grades", fmt.Sprintf("results/grades/scored_as_of=%s/k%d.json", d, i))
		add("mart", fmt.Sprintf("results/mart/as_of=%s/k%d.parquet", d, i))
		add("names", fmt.Sprintf("results/names/k%d.parquet", i))
		if r.IntN(3) == 0 {
			file := fmt.Sprintf("models/churn/k%d.model", i)
			add("churn_model", file)
			needs.Models[file] = r.IntN(3) == 0
		}
		at := time.Date(2024, 1, 1+i, 0, 0, 0, 0, time.UTC)
		for _, table := range []string{"orders", "customers", quarantine} {
			keyed := r.IntN(2) == 0
			s.Lake = append(s.Lake, ledger.LakeFile{Path: fmt.Sprintf("lake/%s/day=%s/b%d.parquet", table, d, i), Table: table, Day: d, Rows: 1, MaxEvent: at, Keyed: keyed})
		}
	}
	s.Shown = day(r.IntN(n))
	from := day(n - 1 - r.IntN(n))
	needs.Learning = func(d string) bool { return d >= from && strings.HasSuffix(d, "-01") }
	return s, needs
}

func paths(p Plan) map[string]bool {
	out := map[string]bool{}
	for _, i := range p.Items {
		out[i.Path] = true
	}
	return out
}

// Whatever the policy: what readers see, what models learn from and what grades old scores
// stays, and a policy that keeps more lets go of nothing that one that keeps less keeps.
func TestDecideKeepsWhatIsNeeded(t *testing.T) {
	t.Parallel()
	gone := 0
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 1))
		s, needs := random(r)
		policy := Policy{Nights: r.IntN(12), Snapshots: r.IntN(12), Models: r.IntN(4), QuarantineDays: r.IntN(20), LakeDays: r.IntN(20)}
		plan := Decide(s, policy, needs)
		goes := paths(plan)
		gone += len(goes)
		last := s.Published[len(s.Published)-1]
		kept := func(d string) bool {
			i := slices.IndexFunc(s.Published, func(n ledger.Night) bool { return n.AsOf == d })
			return policy.Nights == 0 || i >= len(s.Published)-policy.Nights || d == s.Shown || d == last.AsOf
		}
		for _, n := range s.Published {
			if retired := slices.Contains(plan.release.Nights, n.ID); retired == kept(n.AsOf) {
				t.Fatalf("seed %d, %+v: night of %s is kept: %t, and retired: %t", seed, policy, n.AsOf, kept(n.AsOf), retired)
			}
		}
		newest := map[string]int64{}
		for _, a := range s.Artifacts {
			newest[a.Path[:strings.LastIndex(a.Path, "/")]] = max(newest[a.Path[:strings.LastIndex(a.Path, "/")]], a.Night)
		}
		for _, a := range s.Artifacts {
			if !goes[a.Path] {
				continue
			}
			latest := newest[a.Path[:strings.LastIndex(a.Path, "/")]] == a.Night
			cutoff, asOf := dayOf(a.Path, "cutoff"), dayOf(a.Path, "as_of")
			switch {
			case a.Table == "grades", needs.Models[a.Path], asOf != "" && kept(asOf),
				cutoff != "" && latest && (needs.Learning(cutoff) || kept(cutoff)), a.Table == "names" && latest:
				t.Fatalf("seed %d, %+v: %s goes", seed, policy, a.Path)
			}
		}
		for _, f := range s.Lake {
			if goes[f.Path] && (f.Table == "customers" || f.Table == quarantine && f.Keyed || f.Day == last.AsOf) {
				t.Fatalf("seed %d, %+v: %s goes", seed, policy, f.Path)
			}
		}
		more := policy
		for _, n := range []*int{&more.Nights, &more.Snapshots, &more.Models, &more.QuarantineDays, &more.LakeDays} {
			if *n > 0 {
				*n += r.IntN(3)
			}
		}
		for path := range paths(Decide(s, more, needs)) {
			if !goes[path] {
				t.Fatalf("seed %d: %+v lets go of %s, %+v does not", seed, more, path, policy)
			}
		}
	}
	if gone < 1000 {
		t.Errorf("only %d files went in all: the test shows little", gone)
	}
}

// A night of the future, which a clock that was ahead has left, makes nothing old: what
// goes is what would go without it.
func TestNightOfTheFuture(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 3))
		s, needs := random(r)
		last := s.Published[len(s.Published)-1]
		s.Shown = last.AsOf
		policy := Policy{Nights: r.IntN(12), QuarantineDays: r.IntN(20), LakeDays: r.IntN(20), Today: last.AsOf}
		want := paths(Decide(s, policy, needs))
		policy.Today = ""
		if got := paths(Decide(s, policy, needs)); !maps.Equal(got, want) {
			t.Fatalf("seed %d: %v goes without knowing today, %v with it", seed, got, want)
		}
		policy.Today = last.AsOf
		s.Publish(ledger.Night{ID: last.ID, AsOf: "2062-01-01", DayOnly: true})
		if got := paths(Decide(s, policy, needs)); !maps.Equal(got, want) {
			t.Fatalf("seed %d, %+v: %v goes beside a night of the future, %v without it", seed, policy, got, want)
		}
	}
}

func TestKeepAll(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		s, needs := random(rand.New(rand.NewPCG(seed, 2)))
		if plan := Decide(s, Policy{}, needs); !plan.Empty() || len(plan.release.Nights) > 0 {
			t.Fatalf("seed %d: %v goes although all is kept", seed, plan.Items)
		}
	}
}
