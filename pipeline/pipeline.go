// Package pipeline is the engine of a night and its words: a Job makes one Table, the
// jobs of a night form a graph by the tables that they need, and running the graph
// gives the tables of one as-of day. A night is a pure function of its inputs, so a
// finished part of a table is kept under a key of everything that decides it, and a
// night that meets the same key again reuses it: that is also how an interrupted
// night goes on where it was.
//
// The engine knows files and keys, not what is in a table.
package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/ledger"
)

// Kind groups jobs for people: it says which step of the night a job belongs to.
type Kind string

// The kinds, in the order in which a night meets them.
const (
	Extract   Kind = "extract"   // source -> lake
	Catalogue Kind = "catalogue" // timeless master data, from the whole lake
	Snapshot  Kind = "snapshot"  // features and labels at cutoffs
	Model     Kind = "model"     // trained on mature snapshots
	Score     Kind = "score"     // predictions for the as-of day
	Mart      Kind = "mart"      // tables for people
	Report    Kind = "report"    // what the night says of itself
)

// Job makes one table of a night (or one version of a model). Jobs are values: a
// company's own main registers one more by adding it to the list.
type Job struct {
	// Name of the table that it makes, unique in a night.
	Name string
	Kind Kind
	// Needs are the tables that it reads.
	Needs []string
	// Logic is a fingerprint of what the job does besides its inputs: SQL text,
	// parameters. Same logic, same inputs, same result.
	Logic string
	// Reads tells that the job reads from outside of the night: what it makes cannot be
	// told beforehand.
	Reads bool
	// About says in a line what the table is.
	About string
	// Run makes the table. It may be called again after a crash and must give the
	// same bytes for the same logic and inputs; it writes only through Run.Part and
	// below Run.Scratch, and asks no clock and no global random source.
	Run func(ctx context.Context, r *Run) (Table, error)
}

// Table is a finished table: its parts, each an immutable file.
type Table struct {
	Name  string
	Parts []Part
	// Note is a word for people about this run, such as "12 new files".
	Note string
	// Warnings are for people to read; the night is published all the same (exit code 4).
	Warnings []string
	// State is the digest of a table that is not files of its own (the lake).
	State string
	// Volume is the number of rows to show where Parts do not tell.
	Volume int64
}

// Part is one file of a table.
type Part struct {
	Path   string // absolute
	Cutoff string // YYYY-MM-DD of a snapshot; "" where it does not apply
	Label  string // what the part is within its table, where it has several kinds
	SHA256 string
	Rows   int64
	Reused bool
}

// Digest names the content of the table.
func (t Table) Digest() string {
	h := sha256.New()
	fmt.Fprintln(h, t.Name, t.State)
	for _, p := range t.Parts {
		fmt.Fprintln(h, p.Cutoff, p.Label, p.SHA256)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Rows is the number of rows of the table.
func (t Table) Rows() int64 {
	n := t.Volume
	for _, p := range t.Parts {
		n += p.Rows
	}
	return n
}

// At returns the part for a cutoff and label.
func (t Table) At(cutoff, label string) (Part, bool) {
	for _, p := range t.Parts {
		if p.Cutoff == cutoff && p.Label == label {
			return p, true
		}
	}
	return Part{}, false
}

// reused tells whether every part was there already.
func (t Table) reused() bool {
	for _, p := range t.Parts {
		if !p.Reused {
			return false
		}
	}
	return len(t.Parts) > 0
}

// Fingerprint hashes values (by their JSON) into a key.
func Fingerprint(values ...any) string {
	h := sha256.New()
	enc := json.NewEncoder(h)
	for _, v := range values {
		if err := enc.Encode(v); err != nil {
			panic(fmt.Sprintf("fingerprint of %T: %v", v, err)) // a value that JSON cannot hold is a bug in the job
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Night is one run for one as-of day: what every job may know of its surroundings.
type Night struct {
	ID     int64
	AsOf   Day
	Zone   *time.Location // business time zone
	Dir    string         // data directory, absolute
	Ledger *ledger.Ledger
	Log    *slog.Logger
	Watch  Observer
	// Stop, when closed, lets no further job begin: those that run are waited for. nil
	// means never. (The end of the context abandons those that run, too.)
	Stop <-chan struct{}
	// Workers is how many jobs run side by side, at least 1.
	Workers int
	// LimitsOf bounds a job; nil means that none is bounded.
	LimitsOf func(Job) Limits
	// Renew names the jobs that make their files anew even where committed ones have the
	// same keys.
	Renew map[string]bool
}

// Cutoff is the start of the as-of day in the business time zone: the night sees the
// events before it.
func (n *Night) Cutoff() time.Time { return n.AsOf.Start(n.Zone) }

// Observer is told how a night goes on. Its methods are called from several
// goroutines.
type Observer interface {
	NightStarted(n *Night, jobs []Job)
	JobStarted(j Job)
	// JobProgress tells that done of total steps of the job are done.
	JobProgress(j Job, done, total int, step string)
	JobEnded(j Job, r ledger.JobResult, err error)
	NightEnded()
}
