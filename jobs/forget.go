package jobs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/fault"
	"github.com/mainstay-etl/mainstay/pipeline/forget"
	"github.com/mainstay-etl/mainstay/pipeline/lake"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/pseudonym"
	"github.com/mainstay-etl/mainstay/pipeline/warehouse"
)

// Forgotten says what was taken out of a data directory; with a dry run, what would be.
type Forgotten struct {
	Lake      lake.Forgot
	Artifacts int      // snapshots and results that named the people, and went
	Rows      int64    // of published tables
	Nights    int      // whose tables were written anew
	Warehouse bool     // it named the people, and was built anew
	Removed   []string // what was put aside and may name them, relative to the data directory
	Proof     forget.Proof
}

// mostTraces is how many places are listed.
const mostTraces = 100

// ForgetOptions say how people are forgotten.
type ForgetOptions struct {
	DryRun bool // only count
	// Malformed: records that could not be taken apart and have an id as a value go also
	// when the id is short or a number, which may mean something else there.
	Malformed bool
}

// TracesError says that something is left of people who are to be forgotten.
type TracesError struct{ Proof forget.Proof }

// Error lists the places.
func (e *TracesError) Error() string {
	var lines []string
	for _, t := range e.Proof.Traces {
		if len(lines) == mostTraces {
			lines = append(lines, fmt.Sprintf("and %d more", len(e.Proof.Traces)-mostTraces))
			break
		}
		lines = append(lines, fmt.Sprintf("%s: %d", t.Place, t.Rows))
	}
	return "not all is gone: these places still name the customer. A column that a mapping adds, or a text about another customer, is yours to judge: remove the file and run this again, or leave the column out of the mapping (docs/operations/retention.md says what that takes)\n" + strings.Join(lines, "\n")
}

// Forget takes people out of a data directory and proves that nothing is left of them.
// From then on extractions leave their rows out. It takes the lease. Stopped anywhere, it
// is to be called again, and goes on.
func Forget(ctx context.Context, dataDir string, ids []string, fo ForgetOptions) (out Forgotten, err error) {
	defer func() { err = diskFull(dataDir, err) }()
	l, err := ledger.OpenExisting(ctx, dataDir)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	lease, err := l.Acquire(ctx, "forget")
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, lease.Release()) }()
	scratch := filepath.Join(dataDir, pipeline.ScratchDir, "forget")
	defer func() { err = errors.Join(err, pipeline.SweepScratch(dataDir)) }()
	o := duck.Options{Threads: 1, TempDir: filepath.Join(scratch, "spill")}
	s, err := duck.Open(ctx, o)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	people := forget.Find(ids)
	people.Malformed = fo.Malformed
	w := &forgetting{
		files: forget.Files{Dir: dataDir, Ledger: l, Session: s, People: people, DryRun: fo.DryRun},
		lake:  lake.Forgetting{People: ids, Malformed: fo.Malformed, Scratch: scratch, Session: o, DryRun: fo.DryRun},
	}
	err = w.run(ctx)
	return w.out, err
}

// forgetting is Forget at work.
type forgetting struct {
	files forget.Files
	lake  lake.Forgetting
	out   Forgotten
}

func (w *forgetting) run(ctx context.Context) error {
	l, dir := w.files.Ledger, w.files.Dir
	var people []string
	if err := pushing(dir); err != nil {
		return err
	}
	if !w.files.DryRun {
		if err := errors.Join(warehouse.SweepUnpublished(dir), pipeline.SweepScratch(dir)); err != nil {
			return err
		}
		if err := (&Project{DataDir: dir}).recover(ctx, l); err != nil {
			return err
		}
		key, err := l.PseudonymKey(ctx)
		if err != nil {
			return err
		}
		w.lake.Key = key
		for _, id := range w.files.People.IDs {
			people = append(people, pseudonym.Key(key).Of(id))
			if w.lake.Malformed && !pseudonym.Telling(id) {
				people = append(people, pseudonym.Key(key).OfRecord(id))
			}
		}
		if err := l.BeginForgetting(ctx, people); err != nil {
			return err
		}
		fault.Point("forgetting: begun")
	}
	if err := w.take(ctx); err != nil || w.files.DryRun {
		return err
	}
	if err := w.ledger(ctx); err != nil {
		return err
	}
	var err error
	if w.out.Proof, err = w.files.Prove(ctx); err != nil {
		return err
	}
	if !w.out.Proof.Clean() {
		return &TracesError{w.out.Proof}
	}
	return l.EndForgetting(ctx, people)
}

// take takes the people out of all files, or counts.
func (w *forgetting) take(ctx context.Context) error {
	l, dir := w.files.Ledger, w.files.Dir
	nights, err := l.Nights(ctx, 1)
	if err != nil {
		return err
	}
	if len(nights) > 0 {
		w.lake.Night = nights[0].ID
	}
	if w.out.Lake, err = (&lake.Lake{Dir: dir, Ledger: l}).Forget(ctx, w.lake); err != nil {
		return err
	}
	if w.out.Artifacts, err = w.files.Artifacts(ctx); err != nil {
		return err
	}
	// What an earlier attempt released and did not remove before it was killed.
	released, err := orphans(ctx, l, dir)
	if err != nil {
		return err
	}
	for _, name := range released {
		if w.files.DryRun {
			break
		}
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("removing a file that nobody knows: %w", err)
		}
	}
	if w.out.Rows, w.out.Nights, err = w.files.Published(ctx); err != nil {
		return err
	}
	if w.out.Removed, err = putAside(dir); err != nil {
		return err
	}
	if !w.files.DryRun {
		for _, name := range w.out.Removed {
			if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
				return fmt.Errorf("removing what was put aside: %w", err)
			}
		}
	}
	return w.warehouse(ctx)
}

// warehouse builds the warehouse anew when it names the people.
func (w *forgetting) warehouse(ctx context.Context) error {
	l, dir := w.files.Ledger, w.files.Dir
	path := filepath.Join(dir, warehouse.FileName)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var err error
	if w.out.Warehouse, err = w.files.InWarehouse(ctx, path); err != nil || !w.out.Warehouse || w.files.DryRun {
		return err
	}
	shown, ok, err := l.Shown(ctx)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("the ledger does not say which night %s shows, so that it cannot be built anew: remove the file, or publish a night (mainstay run), and run this again", path)
	}
	night := ledger.Night{ID: shown.Night, AsOf: shown.AsOf}
	tables, rows, err := keptTables(ctx, l, dir, night)
	if err != nil {
		return fmt.Errorf("building the warehouse anew: %w", err)
	}
	return bringBack(ctx, l, dir, night, ledger.ForForgetting, tables, rows)
}

// spoken are the texts of the ledger in which a message may name a customer.
var spoken = map[string]bool{"nights.error": true, "jobs.note": true, "check_results.detail": true, "notices.error": true, "pushes.error": true, "slots.note": true}

// ledger takes the names out of the messages that the ledger keeps, and makes its file and
// its redo log anew.
func (w *forgetting) ledger(ctx context.Context) error {
	err := w.files.Ledger.Words(ctx, true, func(place, text string) string {
		if !spoken[place] {
			return text
		}
		return w.files.People.Redact(text)
	})
	if err != nil {
		return err
	}
	fault.Point("forgetting: ledger redacted")
	return w.files.Ledger.Purge(ctx)
}
