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

	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/config"
	"github.com/mainstay-etl/mainstay/pipeline/lake"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/retention"
	"github.com/mainstay-etl/mainstay/pipeline/warehouse"
)

// tidy lets go of what has become old and merges small lake files after a night; what a
// night before merged is removed first, so that readers had a night's time to let go of it.
// tonight is what readers see by now, nil when nothing was published.
func (p *Project) tidy(ctx context.Context, n *pipeline.Night, tonight *ledger.Night) error {
	l := &lake.Lake{Dir: n.Dir, Ledger: n.Ledger}
	if _, err := l.Sweep(ctx, false); err != nil {
		return err
	}
	if err := p.retain(ctx, n, tonight); err != nil {
		return err
	}
	return p.compact(ctx, n, lake.CompactOptions{})
}

func (p *Project) compact(ctx context.Context, n *pipeline.Night, o lake.CompactOptions) error {
	r := &pipeline.Run{Night: n, Job: pipeline.Job{Name: "compact"}}
	var err error
	if o.Session, err = p.session(r); err != nil {
		return err
	}
	if o.Scratch, err = r.Scratch(); err != nil {
		return err
	}
	o.Night = n.ID
	got, err := (&lake.Lake{Dir: n.Dir, Ledger: n.Ledger}).Compact(ctx, o)
	if got.Months > 0 {
		n.Log.Info("merged small lake files", "months", got.Months, "files", got.Files, "bytes", got.Bytes)
	}
	return err
}

// Garbage is what no ledger entry and no published night needs, and what has become old.
type Garbage struct {
	Old   []retention.Item // by the configuration
	Files []string         // relative to the data directory, or directories
	Bytes int64
}

// CollectGarbage removes what crashes, merges and superseded nights left in the data
// directory and, with a configuration, what it lets go; with dryRun it only lists that. It
// takes the lease: no night runs meanwhile. today is the day by the clock.
func CollectGarbage(ctx context.Context, dataDir string, c *config.Config, today pipeline.Day, dryRun bool) (g Garbage, err error) {
	l, err := ledger.OpenExisting(ctx, dataDir)
	if err != nil {
		return g, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	lease, err := l.Acquire(ctx, "gc")
	if err != nil {
		return g, err
	}
	defer func() { err = errors.Join(err, lease.Release()) }()
	// A night that was cut off while it was published is settled by the next run, which
	// needs its tables.
	unsettled, _, ok, err := l.Unsettled(ctx)
	if err != nil {
		return g, err
	}
	if c != nil && !ok {
		if err := g.old(ctx, l, dataDir, c, today, dryRun); err != nil {
			return g, err
		}
	}
	find := []func() ([]string, error){
		func() ([]string, error) { return (&lake.Lake{Dir: dataDir, Ledger: l}).Sweep(ctx, true) },
		func() ([]string, error) { return orphans(ctx, l, dataDir) },
		func() ([]string, error) { return warehouse.Superseded(dataDir) },
		func() ([]string, error) { return leftovers(dataDir) },
	}
	var paths []string
	for _, f := range find {
		found, err := f()
		if err != nil {
			return g, err
		}
		for _, name := range found {
			old := slices.ContainsFunc(g.Old, func(i retention.Item) bool { return i.Path == name })
			if !old && (!ok || !strings.HasPrefix(filepath.Base(name), warehouse.NightDir(unsettled.ID))) {
				g.Files, paths = append(g.Files, name), append(paths, filepath.Join(dataDir, name))
			}
		}
	}
	bytes, err := freed(paths)
	if err != nil {
		return g, err
	}
	g.Bytes += bytes
	if dryRun {
		return g, nil
	}
	for _, item := range g.Old { // what was left of it: files of the lake
		paths = append(paths, filepath.Join(dataDir, item.Path))
	}
	for _, path := range paths {
		if err := os.RemoveAll(path); err != nil {
			return g, fmt.Errorf("removing what is not needed: %w", err)
		}
	}
	return g, nil
}

// old lets go of what has become old.
func (g *Garbage) old(ctx context.Context, l *ledger.Ledger, dataDir string, c *config.Config, today pipeline.Day, dryRun bool) error {
	plan, err := outdated(ctx, l, dataDir, c, nil, today)
	if err != nil {
		return err
	}
	g.Old = plan.Items
	if g.Bytes, err = sizeOfAll(dataDir, plan.Items); err != nil || dryRun {
		return err
	}
	return retention.Apply(ctx, l, dataDir, plan)
}

// orphans are finished files that the ledger does not know.
func orphans(ctx context.Context, l *ledger.Ledger, dataDir string) ([]string, error) {
	known, err := l.ArtifactPaths(ctx)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, folder := range []string{"snapshots", "models", "results"} {
		root := filepath.Join(dataDir, folder)
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) && path == root {
				return filepath.SkipAll
			}
			if err != nil || d.IsDir() {
				return err
			}
			rel, err := filepath.Rel(dataDir, path)
			if err == nil && !known[rel] {
				out = append(out, rel)
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("looking for files that nobody needs: %w", err)
		}
	}
	return out, nil
}

func sizeOf(path string) (int64, error) {
	var size int64
	err := filepath.WalkDir(path, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	return size, err
}
