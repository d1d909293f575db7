package lake

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/contract"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/durable"
	"github.com/mainstay-etl/mainstay/pipeline/fault"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
)

// CompactOptions bound the work of a compaction.
type CompactOptions struct {
	Scratch  string // empty directory on the data directory's file system
	Night    int64  // names the files
	Session  duck.Options
	MinFiles int   // small files of a month before they are merged; 0 means 8
	Small    int64 // bytes below which a file is small; 0 means 16 MB
	MaxFiles int   // merged files of one compaction; 0 means 200
}

// compactMemory limits DuckDB while files are merged.
const compactMemory = "256MB"

// Compacted says what a compaction did.
type Compacted struct {
	Months, Files int // months in which files were merged, files that were
	Bytes         int64
}

// Compact merges the small files of a month into one, with the same rows. The merged
// files stay on disk for readers that hold them, until the next Sweep. A crash leaves
// each month as it was or merged.
func (l *Lake) Compact(ctx context.Context, o CompactOptions) (Compacted, error) {
	o.MinFiles, o.Small, o.MaxFiles = cmp.Or(o.MinFiles, 8), cmp.Or(o.Small, 16<<20), cmp.Or(o.MaxFiles, 200)
	var done Compacted
	for _, table := range append(contract.Names(), QuarantineTable) {
		files, err := l.Ledger.LakeFiles(ctx, table)
		if err != nil {
			return done, err
		}
		for _, group := range mergeable(files, o) {
			if done.Months >= o.MaxFiles {
				return done, nil
			}
			if err := l.prove(group); err != nil { // or the damage would get a digest of its own
				return done, err
			}
			if err := l.merge(ctx, o, table, group); err != nil {
				return done, fmt.Errorf("merging %d files of %s, %s: %w", len(group), table, group[0].Day, err)
			}
			done.Months, done.Files = done.Months+1, done.Files+len(group)
			for _, f := range group {
				done.Bytes += f.Bytes
			}
		}
	}
	return done, nil
}

// mergeable are the files to merge, in the manifest's order: of one month and kind.
func mergeable(files []ledger.LakeFile, o CompactOptions) [][]ledger.LakeFile {
	type place struct {
		month        string
		keyed, newer bool
	}
	var order []place
	groups := map[place][]ledger.LakeFile{}
	for _, f := range files {
		p := place{f.Day[:len("2006-01")], f.Keyed, f.Newer}
		if f.Bytes >= o.Small {
			continue
		}
		if len(groups[p]) == 0 {
			order = append(order, p)
		}
		groups[p] = append(groups[p], f)
	}
	var out [][]ledger.LakeFile
	for _, p := range order {
		if len(groups[p]) >= o.MinFiles {
			out = append(out, groups[p])
		}
	}
	return out
}

// merge writes the rows of a group into one file and puts it in their place.
func (l *Lake) merge(ctx context.Context, o CompactOptions, table string, group []ledger.LakeFile) (err error) {
	if err := os.MkdirAll(o.Scratch, 0o755); err != nil {
		return fmt.Errorf("creating scratch directory: %w", err)
	}
	session := o.Session
	session.Memory, session.Frugal, session.TempDir = compactMemory, true, filepath.Join(o.Scratch, "spill")
	s, err := duck.Open(ctx, session)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	// In the order of the manifest, not sorted: that takes no memory.
	from := duck.ReadParquet(paths(l.Dir, group))
	tmp := filepath.Join(o.Scratch, "merged.parquet")
	if err := s.Exec(ctx, fmt.Sprintf("COPY (SELECT * FROM %s) TO %s (FORMAT parquet, COMPRESSION zstd, %s)", from, duck.Quote(tmp), smallGroups)); err != nil {
		return err
	}
	if err := sameRows(ctx, s, from, duck.ReadParquet([]string{tmp})); err != nil {
		return err
	}
	merged := union(group)
	if merged.SHA256, merged.Bytes, err = durable.Digest(tmp); err != nil {
		return err
	}
	merged.Path = filepath.Join("lake", table, "day="+merged.Day, fmt.Sprintf("m%06d-%06d-%s-%s.parquet", merged.Batch, o.Night, table, merged.SHA256[:8]))
	if err := durable.Move(tmp, filepath.Join(l.Dir, merged.Path)); err != nil {
		return err
	}
	return l.Ledger.ReplaceLakeFiles(ctx, group, merged)
}

// sameRows compares two relations by their number of rows and the sum of their hashes.
func sameRows(ctx context.Context, s *duck.Session, a, b string) error {
	var n, m int64
	var x, y string
	for _, side := range []struct {
		from string
		n    *int64
		sum  *string
	}{{a, &n, &x}, {b, &m, &y}} {
		if err := s.Scan(ctx, "SELECT count(*), coalesce(sum(hash(t)), 0)::VARCHAR FROM (SELECT * FROM "+side.from+") AS t", side.n, side.sum); err != nil {
			return err
		}
	}
	if n != m || x != y {
		return fmt.Errorf("the merged file has %d rows, its parts have %d, or their content differs: nothing was changed", m, n)
	}
	return nil
}

// union is the manifest entry of a merged file, but for its path and digest.
func union(group []ledger.LakeFile) ledger.LakeFile {
	out := group[0]
	out.Rows, out.Bytes, out.Origin = 0, 0, ""
	for _, f := range group {
		if f.Day != out.Day {
			out.Day = out.Day[:len("2006-01")]
		}
		out.Rows += f.Rows
		out.Batch = max(out.Batch, f.Batch)
		if f.MinEvent.Before(out.MinEvent) {
			out.MinEvent = f.MinEvent
		}
		if f.MaxEvent.After(out.MaxEvent) {
			out.MaxEvent = f.MaxEvent
		}
		if f.Origin != "" {
			out.Origin += f.Origin
		} else {
			out.Origin += origin(f)
		}
	}
	return out
}

// origin is the line of a file in the Origin of one that it was merged into.
func origin(f ledger.LakeFile) string {
	return f.SHA256 + " " + f.MinEvent.UTC().Format(time.RFC3339Nano) + " " + f.Day + "\n"
}

// Sweep removes lake files that are not in the manifest: what killed extractions left
// and what was merged. Only the holder of the lease may. It returns the files, and with
// dryRun removes none.
func (l *Lake) Sweep(ctx context.Context, dryRun bool) ([]string, error) {
	// The disk first, then the ledger: what another night stores, should this one have lost
	// its lease, has a name of its own that was not there yet.
	var found []string
	root := filepath.Join(l.Dir, "lake")
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, os.ErrNotExist) && path == root {
				return filepath.SkipAll
			}
			return err
		}
		rel, err := filepath.Rel(l.Dir, path)
		if err == nil && !d.IsDir() && strings.HasSuffix(path, ".parquet") {
			found = append(found, rel)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("sweeping the lake: %w", err)
	}
	known := map[string]bool{}
	for _, table := range append(contract.Names(), QuarantineTable) {
		files, err := l.Ledger.LakeFiles(ctx, table)
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			known[f.Path] = true
		}
	}
	if err := l.Ledger.Confirm(ctx); err != nil {
		return nil, err
	}
	swept := slices.DeleteFunc(found, func(path string) bool { return known[path] })
	if dryRun {
		return swept, nil
	}
	for i, path := range swept {
		if err := os.Remove(filepath.Join(l.Dir, path)); err != nil {
			return swept[:i], fmt.Errorf("sweeping the lake: %w", err)
		}
		fault.Point("lake file swept")
	}
	return swept, nil
}
