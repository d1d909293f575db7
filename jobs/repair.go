package jobs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/durable"
	"github.com/mainstay-etl/mainstay/pipeline/lake"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/warehouse"
)

// RepairOptions say what is repaired.
type RepairOptions struct {
	DryRun bool
	// ExtractAgain takes damaged files out of the lake, so that the next night reads again
	// what was in them.
	ExtractAgain bool
	Now          time.Time // names what is put aside
}

// Repair says what was found in a data directory and what was done about it.
type Repair struct {
	Ledger  ledger.Repaired
	Nights  int64 // that the ledger knows
	Batches int64
	Files   int   // that were read and compared with their digests
	Bytes   int64 // in them
	// Remade are damaged or missing files that the next night that needs them makes anew.
	Remade []string
	// Lake are damaged or missing files of the lake.
	Lake []*lake.DamagedError
	// Dropped are the inputs that are read again because of them.
	Dropped []string
	// Published are damaged or missing tables of published nights, and the warehouse.
	Published []string
}

// Whole tells whether nothing is damaged any more, apart from what makes itself anew.
func (r Repair) Whole() bool { return len(r.Lake) == 0 && len(r.Published) == 0 }

// RepairData rebuilds the ledger of a data directory where it is damaged, and compares
// every file that the ledger knows with its digest. No night may run meanwhile.
func RepairData(ctx context.Context, dataDir string, o RepairOptions) (out Repair, err error) {
	lo := ledger.RepairOptions{DryRun: o.DryRun, Now: o.Now}
	if lo.Nights, lo.Batches, err = numbersOnDisk(dataDir); err != nil {
		return out, err
	}
	if out.Ledger, err = ledger.Repair(ctx, dataDir, lo); err != nil {
		return out, err
	}
	if out.Ledger.Damage != nil && o.DryRun {
		return out, nil // which files there must be, only the ledger knows
	}
	l, err := ledger.OpenExisting(ctx, dataDir)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	lease, err := l.Acquire(ctx, "repair")
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, lease.Release()) }()
	counts, err := l.Counts(ctx)
	if err != nil {
		return out, err
	}
	out.Nights, out.Batches = counts["nights"], counts["batches"]
	for _, look := range []func(context.Context, *ledger.Ledger, string) error{out.lookAtLake, out.lookAtArtifacts, out.lookAtPublished} {
		if err := look(ctx, l, dataDir); err != nil {
			return out, err
		}
	}
	if o.ExtractAgain && !o.DryRun {
		return out, out.extractAgain(ctx, l, dataDir, o)
	}
	return out, nil
}

func (r *Repair) lookAtLake(ctx context.Context, l *ledger.Ledger, dataDir string) error {
	files, err := l.AllLakeFiles(ctx)
	if err != nil {
		return err
	}
	for _, f := range files {
		r.Files, r.Bytes = r.Files+1, r.Bytes+f.Bytes
		err := lake.Prove(dataDir, f)
		var damaged *lake.DamagedError
		if errors.As(err, &damaged) {
			r.Lake = append(r.Lake, damaged)
		} else if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

func (r *Repair) lookAtArtifacts(ctx context.Context, l *ledger.Ledger, dataDir string) error {
	artifacts, err := l.AllArtifacts(ctx)
	if err != nil {
		return err
	}
	for _, a := range artifacts {
		ok, err := r.same(filepath.Join(dataDir, a.Path), a.SHA256, a.Bytes)
		if err != nil {
			return err
		}
		if !ok {
			r.Remade = append(r.Remade, a.Path)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// same tells whether a file is there with a digest.
func (r *Repair) same(path, sha256 string, bytes int64) (bool, error) {
	sum, size, err := durable.Digest(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	r.Files, r.Bytes = r.Files+1, r.Bytes+size
	return sum == sha256 && (bytes == 0 || bytes == size), nil
}

// extractAgain takes the damaged files out of the lake and puts them aside.
func (r *Repair) extractAgain(ctx context.Context, l *ledger.Ledger, dataDir string, o RepairOptions) error {
	aside := filepath.Join(dataDir, "damaged-"+o.Now.UTC().Format("20060102T150405"))
	for _, d := range r.Lake {
		inputs, err := l.DropLakeFile(ctx, d.File)
		if err != nil {
			return err
		}
		r.Dropped = append(r.Dropped, inputs...)
		if _, err := os.Stat(d.Path); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := durable.Move(d.Path, filepath.Join(aside, d.File.Path)); err != nil {
			return err
		}
	}
	slices.Sort(r.Dropped)
	r.Dropped = slices.Compact(r.Dropped)
	r.Lake = nil
	return nil
}

// numbersOnDisk are the highest numbers of nights and batches that names of files bear.
func numbersOnDisk(dataDir string) (nights, batches int64, err error) {
	entries, err := os.ReadDir(filepath.Join(dataDir, warehouse.TablesDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, 0, fmt.Errorf("looking at the published tables: %w", err)
	}
	for _, e := range entries {
		var n int64
		if _, err := fmt.Sscanf(e.Name(), ".night-%d", &n); err == nil {
			nights = max(nights, n)
		}
	}
	root := filepath.Join(dataDir, "lake")
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && path == root {
			return filepath.SkipAll
		}
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".parquet") {
			return err
		}
		var batch, night int64
		if n, _ := fmt.Sscanf(d.Name()[1:], "%d-%d", &batch, &night); n > 0 {
			nights, batches = max(nights, night), max(batches, batch)
		}
		return nil
	})
	if err != nil {
		return 0, 0, fmt.Errorf("looking at the lake: %w", err)
	}
	return nights, batches, nil
}
