// Package retention decides what of a data directory has become old enough to go, and
// lets it go: published tables, snapshots, results, models, refused rows and days of the
// lake. The decision is a pure function of what the ledger knows, of a policy and of what
// later nights need; nothing that readers see, or that the next night would make anew, goes.
package retention

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/warehouse"
)

// Policy says how much of the past is kept. 0 means all of it.
type Policy struct {
	Nights         int // newest as-of days whose published tables are kept whole
	Snapshots      int // newest cutoffs of which snapshots are kept, besides those that models learn from
	Models         int // newest trainings of each task, besides models that serve
	QuarantineDays int // days since refused rows of files were refused
	LakeDays       int // days since rows of the lake happened
	// Today (YYYY-MM-DD) is when rows of the lake are that old, and the last day that counts
	// as one of the newest; "" means the newest day that was published.
	Today string
}

// Needs are what later nights read of the past, whatever the policy says.
type Needs struct {
	Tables   []string              // of every published night, also of those that are not kept whole
	Learning func(day string) bool // whether models learn from snapshots of this cutoff
	Outcomes []string              // tables below snapshots/ and results/ by which old scores are graded
	Models   map[string]bool       // files of models in service, relative to the data directory
	Timeless []string              // tables of the lake whose rows hold until a newer version comes, however old they are
}

// State is what there is, as the ledger tells it.
type State struct {
	Published []ledger.Night // the night that each as-of day shows, by day
	Retired   map[int64]time.Time
	Shown     string // the as-of day that the warehouse shows; "" for none
	Artifacts []ledger.Artifact
	Lake      []ledger.LakeFile
}

// Read reads the state of a data directory.
func Read(ctx context.Context, l *ledger.Ledger) (s State, err error) {
	if s.Published, err = l.PublishedNights(ctx); err != nil {
		return s, err
	}
	if s.Retired, err = l.RetiredNights(ctx); err != nil {
		return s, err
	}
	shown, ok, err := l.Shown(ctx)
	if err != nil {
		return s, err
	}
	if ok {
		s.Shown = shown.AsOf
	}
	if s.Artifacts, err = l.AllArtifacts(ctx); err != nil {
		return s, err
	}
	s.Lake, err = l.AllLakeFiles(ctx)
	return s, err
}

// Publish adds a night that readers see and that the ledger does not list yet.
func (s *State) Publish(n ledger.Night) {
	s.Published = append(slices.DeleteFunc(s.Published, func(old ledger.Night) bool { return old.AsOf == n.AsOf }), n)
	slices.SortFunc(s.Published, func(a, b ledger.Night) int { return strings.Compare(a.AsOf, b.AsOf) })
	if !n.DayOnly {
		s.Shown = n.AsOf
	}
}

// From is where in Published the nights begin that a policy keeps whole. A day after
// today, which a clock that was ahead has left, takes no other's place.
func (s State) From(p Policy) int {
	if p.Nights == 0 {
		return 0
	}
	past := len(s.Published)
	for past > 0 && p.Today != "" && s.Published[past-1].AsOf > p.Today {
		past--
	}
	return max(0, past-p.Nights)
}

// Item is something that goes, and why.
type Item struct {
	Path string // relative to the data directory
	Why  string
}

// Plan is what goes.
type Plan struct {
	Items   []Item
	release ledger.Release
}

// Empty tells whether nothing goes.
func (p Plan) Empty() bool { return len(p.Items) == 0 }

// Decide finds out what goes.
func Decide(s State, p Policy, n Needs) Plan {
	d := decision{State: s, policy: p, needs: n, plan: Plan{release: ledger.Release{Tables: n.Tables}}}
	d.days()
	d.nights()
	d.snapshots()
	d.results()
	d.models()
	d.lake()
	return d.plan
}

// decision is Decide at work.
type decision struct {
	State
	policy Policy
	needs  Needs
	plan   Plan
	kept   map[string]bool // as-of days that are kept whole
	oldest string          // of these
	first  int64           // the lowest number of their nights
	newest string          // that was published
}

// days finds the days that are kept: the newest ones, and the one that readers see.
func (d *decision) days() {
	d.kept = map[string]bool{}
	from := d.From(d.policy)
	last := int64(0) // that was published: perhaps an older day on purpose
	for _, n := range d.Published {
		last = max(last, n.ID)
	}
	for i, n := range d.Published {
		d.newest = n.AsOf
		if i < from && n.AsOf != d.Shown && n.ID != last {
			continue
		}
		d.kept[n.AsOf] = true
		if d.oldest == "" || i == from {
			d.oldest = n.AsOf
		}
		if d.first == 0 || n.ID < d.first {
			d.first = n.ID
		}
	}
}

func (d *decision) nights() {
	for _, n := range d.Published {
		if d.kept[n.AsOf] {
			continue
		}
		if _, done := d.Retired[n.ID]; !done {
			d.plan.release.Nights = append(d.plan.release.Nights, n.ID)
		}
	}
}

// old tells whether an as-of day lies before those that are kept.
func (d *decision) old(day string) bool {
	return d.policy.Nights > 0 && d.oldest != "" && day < d.oldest && !d.kept[day]
}

// superseded tells whether an artifact's place has been taken by a newer one before any
// night that is kept.
func (d *decision) superseded(a ledger.Artifact, newest map[string]int64, place string) bool {
	return d.policy.Nights > 0 && d.first > 0 && a.Night < d.first && newest[place] > a.Night
}

func newestOf(artifacts []ledger.Artifact, place func(ledger.Artifact) string) map[string]int64 {
	out := map[string]int64{}
	for _, a := range artifacts {
		out[place(a)] = max(out[place(a)], a.Night)
	}
	return out
}

// below are the artifacts in a folder of the data directory, without those that grade.
func (d *decision) below(folder string) []ledger.Artifact {
	var out []ledger.Artifact
	for _, a := range d.Artifacts {
		parts := strings.Split(filepath.ToSlash(a.Path), "/")
		grades := dayOf(a.Path, "as_of") == "" && slices.Contains(d.needs.Outcomes, parts[1])
		if parts[0] == folder && !grades {
			out = append(out, a)
		}
	}
	return out
}

// dayOf reads a day from a part of a path such as as_of=2024-03-01; "" where there is none.
func dayOf(path, name string) string {
	for part := range strings.SplitSeq(filepath.ToSlash(path), "/") {
		if day, ok := strings.CutPrefix(part, name+"="); ok {
			return day
		}
	}
	return ""
}

func (d *decision) snapshots() {
	all := d.below("snapshots")
	cutoffs := map[string]bool{}
	for _, a := range all {
		cutoffs[dayOf(a.Path, "cutoff")] = true
	}
	recent := map[string]bool{}
	for i, day := range slices.Backward(slices.Sorted(maps.Keys(cutoffs))) {
		if d.policy.Snapshots == 0 || len(cutoffs)-i <= d.policy.Snapshots {
			recent[day] = true
		}
	}
	place := func(a ledger.Artifact) string { return filepath.Dir(a.Path) }
	newest := newestOf(all, place)
	for _, a := range all {
		day := dayOf(a.Path, "cutoff")
		switch {
		case d.superseded(a, newest, place(a)):
			d.artifact(a, "snapshot in whose place a newer one is")
		case !recent[day] && !d.kept[day] && !d.needs.Learning(day):
			d.artifact(a, "snapshot that no model learns from any more")
		}
	}
}

func (d *decision) results() {
	all := d.below("results")
	place := func(a ledger.Artifact) string { return filepath.Dir(a.Path) }
	newest := newestOf(all, place)
	for _, a := range all {
		day := dayOf(a.Path, "as_of")
		switch {
		case day != "" && d.old(day):
			d.artifact(a, "result of a night that is not kept")
		case day == "" && d.superseded(a, newest, place(a)):
			d.artifact(a, "result in whose place a newer one is")
		}
	}
}

// models lets trainings go: the files that one night made for one task.
func (d *decision) models() {
	if d.policy.Models == 0 {
		return
	}
	type training struct {
		task  string
		night int64
	}
	files := map[training][]ledger.Artifact{}
	for _, a := range d.below("models") {
		t := training{filepath.Dir(a.Path), a.Night}
		files[t] = append(files[t], a)
	}
	order := slices.SortedFunc(maps.Keys(files), func(a, b training) int {
		return cmp.Or(cmp.Compare(a.task, b.task), cmp.Compare(b.night, a.night))
	})
	rank := map[string]int{}
	for _, t := range order {
		rank[t.task]++
		serves := slices.ContainsFunc(files[t], func(a ledger.Artifact) bool { return d.needs.Models[filepath.ToSlash(a.Path)] })
		if rank[t.task] <= d.policy.Models || serves {
			continue
		}
		for _, a := range files[t] {
			d.artifact(a, "model that is not in service")
		}
	}
}

func (d *decision) artifact(a ledger.Artifact, why string) {
	d.plan.release.Artifacts = append(d.plan.release.Artifacts, a.Key)
	d.plan.Items = append(d.plan.Items, Item{a.Path, why})
}

// lake lets files go all of whose rows are too old. Refused rows of databases stay: the
// comparison with the source counts on them.
func (d *decision) lake() {
	today, err := time.Parse(time.DateOnly, cmp.Or(d.policy.Today, d.newest))
	if err != nil {
		return // nothing was published yet
	}
	for _, f := range d.Lake {
		days, why := d.policy.LakeDays, "rows of the lake that have become old"
		if f.Table == quarantine {
			if days, why = d.policy.QuarantineDays, "refused rows that have become old"; f.Keyed {
				continue
			}
		}
		if days == 0 || slices.Contains(d.needs.Timeless, f.Table) || !f.MaxEvent.Before(today.AddDate(0, 0, -days)) {
			continue
		}
		d.plan.release.Lake = append(d.plan.release.Lake, f)
		d.plan.Items = append(d.plan.Items, Item{f.Path, why})
	}
}

// quarantine is the lake's table of refused rows.
const quarantine = "quarantine"

// Apply lets go what a plan says. The ledger is told first: a crash leaves files that
// nobody knows, which the next Apply and `mainstay gc` remove. Files of the lake are left
// to its sweep, a night later, so that readers can let go of them.
func Apply(ctx context.Context, l *ledger.Ledger, dataDir string, p Plan) error {
	if len(p.release.Nights)+len(p.release.Artifacts)+len(p.release.Lake) > 0 {
		if err := l.Release(ctx, p.release); err != nil {
			return err
		}
	}
	for _, item := range p.Items {
		if strings.HasPrefix(filepath.ToSlash(item.Path), "lake/") {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dataDir, item.Path)); err != nil {
			return fmt.Errorf("letting go of what has become old: %w", err)
		}
	}
	return nil
}

// Tables adds to a plan the tables of nights that are not kept whole.
func Tables(dataDir string, s State, n Needs, p *Plan) error {
	root := filepath.Join(dataDir, warehouse.TablesDir)
	retired := slices.Clone(p.release.Nights)
	for night := range s.Retired {
		retired = append(retired, night)
	}
	slices.Sort(retired)
	for _, night := range slices.Compact(retired) {
		entries, err := os.ReadDir(filepath.Join(root, warehouse.NightDir(night)))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("looking at the tables of night %d: %w", night, err)
		}
		for _, e := range entries {
			if !slices.Contains(n.Tables, strings.TrimSuffix(e.Name(), ".parquet")) {
				p.Items = append(p.Items, Item{filepath.Join(warehouse.TablesDir, warehouse.NightDir(night), e.Name()), "table of a night that is not kept"})
			}
		}
	}
	return nil
}
