package pipeline

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/mainstay-etl/mainstay/pipeline/durable"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
)

// Run is one job at work.
type Run struct {
	Night   *Night
	Job     Job
	In      Tables // what it needs
	scratch string
	plan    *partPlan // while the night is only planned
}

// Planning tells that the night is only planned: nothing is to be made, not even to
// prepare for what would be.
func (r *Run) Planning() bool { return r.plan != nil }

// Progress tells the observer that done of total steps are done.
func (r *Run) Progress(done, total int, step string) {
	r.Night.Watch.JobProgress(r.Job, done, total, step)
}

// Scratch is an empty directory of the job's own on the data directory's file system.
// It is gone when the job ends; after a crash, when the next night begins.
func (r *Run) Scratch() (string, error) {
	if r.scratch == "" && r.plan != nil {
		dir, err := os.MkdirTemp("", "mainstay-plan-")
		r.scratch = dir
		return dir, err
	}
	if r.scratch == "" {
		parent := filepath.Join(r.Night.Dir, ScratchDir)
		if err := os.MkdirAll(parent, 0o755); err != nil {
			return "", fmt.Errorf("creating scratch directory: %w", err)
		}
		dir, err := os.MkdirTemp(parent, r.Job.Name+"-")
		if err != nil {
			return "", fmt.Errorf("creating scratch directory: %w", err)
		}
		r.scratch = dir
	}
	return r.scratch, nil
}

// ScratchDir holds unfinished work below the data directory.
const ScratchDir = "scratch"

// SweepScratch removes what interrupted nights left. Only the holder of the lease may.
func SweepScratch(dataDir string) error {
	if err := os.RemoveAll(filepath.Join(dataDir, ScratchDir)); err != nil {
		return fmt.Errorf("sweeping scratch directory: %w", err)
	}
	return nil
}

func (r *Run) sweep() {
	if r.scratch != "" {
		_ = os.RemoveAll(r.scratch) // the next night sweeps what is left
	}
}

// Log is the night's, with the job on every line.
func (r *Run) Log() *slog.Logger { return r.Night.Log.With("job", r.Job.Name) }

// PartSpec says where a part goes and what decides it.
type PartSpec struct {
	Dir    string // below the data directory, such as snapshots/customer_features/cutoff=2024-03-01
	Ext    string // ".parquet"
	Cutoff string
	Label  string
	// Key is everything that decides the bytes besides the job's name and logic:
	// digests of inputs, days, parameters.
	Key []any
}

func (r *Run) key(s PartSpec) string {
	return Fingerprint(r.Job.Name, r.Job.Logic, s.Cutoff, s.Label, s.Key)
}

// Has tells whether a part with that key was committed before, so that a job can
// prepare for the ones that are to be made.
func (r *Run) Has(ctx context.Context, s PartSpec) (bool, error) {
	if r.plan != nil {
		_, ok, err := r.planned(ctx, s)
		return ok, err
	}
	_, ok, err := r.Night.Ledger.Artifact(ctx, r.key(s))
	return ok && !r.Night.Renew[r.Job.Name], err
}

// Part returns the part with that key: the committed file when there is one and it is
// intact, else a new one that write makes under the given path. write returns the
// number of rows; the file is synced, moved to its place and committed before Part
// returns.
func (r *Run) Part(ctx context.Context, s PartSpec, write func(ctx context.Context, path string) (rows int64, err error)) (Part, error) {
	if r.plan != nil {
		return r.planPart(ctx, s)
	}
	n := r.Night
	key := r.key(s)
	old, ok, err := n.Ledger.Artifact(ctx, key)
	if err != nil {
		return Part{}, err
	}
	if ok && !n.Renew[r.Job.Name] {
		path := filepath.Join(n.Dir, old.Path)
		if sum, _, err := durable.Digest(path); err == nil && sum == old.SHA256 {
			return Part{Path: path, Cutoff: s.Cutoff, Label: s.Label, SHA256: old.SHA256, Rows: old.Rows, Reused: true}, nil
		}
		r.Log().Warn("a committed file is missing or damaged and is made again", "file", old.Path)
	}
	dir, err := r.Scratch()
	if err != nil {
		return Part{}, err
	}
	tmp := filepath.Join(dir, "part-"+key[:16]+s.Ext)
	rows, err := write(ctx, tmp)
	if err != nil {
		return Part{}, err
	}
	if err := ctx.Err(); err != nil {
		return Part{}, err
	}
	a := ledger.Artifact{Key: key, Table: r.Job.Name, Path: filepath.Join(s.Dir, key[:16]+s.Ext), Rows: rows, Night: n.ID, Logic: r.Job.Logic}
	if a.SHA256, a.Bytes, err = durable.Digest(tmp); err != nil {
		return Part{}, err
	}
	if ok && n.Renew[r.Job.Name] && old.SHA256 != a.SHA256 {
		// Not an error: the new file is what this night's inputs give.
		r.Log().Warn("a file that was made anew differs from the one that was kept, although all that decides it is the same: please report this", "file", a.Path)
	}
	if err := durable.Move(tmp, filepath.Join(n.Dir, a.Path)); err != nil {
		return Part{}, err
	}
	if err := n.Ledger.CommitArtifact(ctx, a); err != nil {
		return Part{}, err
	}
	return Part{Path: filepath.Join(n.Dir, a.Path), Cutoff: s.Cutoff, Label: s.Label, SHA256: a.SHA256, Rows: rows}, nil
}
