package forget

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/durable"
	"github.com/mainstay-etl/mainstay/pipeline/fault"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/warehouse"
)

// Files is a data directory in which people are looked for.
type Files struct {
	Dir     string
	Ledger  *ledger.Ledger
	Session *duck.Session
	People  People
	DryRun  bool // only count
}

// pending ends the names of tables that are written anew and not yet in place.
const pending = ".forget"

// Artifacts removes the snapshots and results that name the people. Nothing is lost by it:
// the next night that needs one makes it anew, without them. It returns how many went.
func (f Files) Artifacts(ctx context.Context) (int, error) {
	all, err := f.Ledger.AllArtifacts(ctx)
	if err != nil {
		return 0, err
	}
	var keys, paths []string
	for _, a := range all {
		path := filepath.Join(f.Dir, a.Path)
		if !strings.HasSuffix(path, ".parquet") {
			continue
		}
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		found, err := f.names(ctx, path)
		if err != nil {
			return 0, err
		}
		if found {
			keys, paths = append(keys, a.Key), append(paths, path)
		}
	}
	if f.DryRun || len(keys) == 0 {
		return len(keys), nil
	}
	if err := f.Ledger.Release(ctx, ledger.Release{Artifacts: keys}); err != nil {
		return 0, err
	}
	fault.Point("forgetting: artifacts released")
	for _, path := range paths {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return 0, fmt.Errorf("removing a snapshot or result: %w", err)
		}
	}
	return len(keys), nil
}

// Published writes the published tables of all nights that name the people anew without
// their rows. It returns how many rows went, and of how many nights.
func (f Files) Published(ctx context.Context) (rows int64, nights int, err error) {
	if err := Settle(ctx, f.Ledger, f.Dir); err != nil {
		return 0, 0, err
	}
	entries, err := os.ReadDir(filepath.Join(f.Dir, warehouse.TablesDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, 0, fmt.Errorf("looking for the published tables: %w", err)
	}
	for _, e := range entries {
		var night int64
		if _, err := fmt.Sscanf(e.Name(), ".night-%d", &night); err != nil || !e.IsDir() {
			continue
		}
		gone, err := f.night(ctx, night)
		if err != nil {
			return rows, nights, fmt.Errorf("the tables of night %d: %w", night, err)
		}
		if rows += gone; gone > 0 {
			nights++
		}
	}
	return rows, nights, nil
}

// night writes the tables of a night anew: under names that nobody reads, then the ledger
// is told what they will be, then they are put in place. Settle ends what a crash cut off.
func (f Files) night(ctx context.Context, night int64) (gone int64, err error) {
	dir := filepath.Join(f.Dir, warehouse.TablesDir, warehouse.NightDir(night))
	paths, err := filepath.Glob(filepath.Join(dir, "*.parquet"))
	if err != nil {
		return 0, err
	}
	known, err := f.Ledger.NightTables(ctx, night)
	if err != nil {
		return 0, err
	}
	var tables []ledger.NightTable
	var written []string
	for _, path := range paths {
		n, left, err := f.without(ctx, path)
		if err != nil {
			return gone, err
		}
		gone += n
		if f.DryRun || n == 0 && len(known) > 0 {
			continue
		}
		t := ledger.NightTable{Name: strings.TrimSuffix(filepath.Base(path), ".parquet"), Rows: left}
		if n > 0 {
			written = append(written, path)
			path += pending
		}
		if t.SHA256, _, err = durable.Digest(path); err != nil {
			return gone, err
		}
		tables = append(tables, t)
	}
	if len(written) == 0 {
		return gone, nil
	}
	fault.Point("forgetting: tables written")
	if err := f.Ledger.ReplaceNightTables(ctx, night, tables); err != nil {
		return gone, err
	}
	fault.Point("forgetting: tables recorded")
	for _, path := range written {
		if err := durable.Move(path+pending, path); err != nil {
			return gone, err
		}
		fault.Point("forgetting: table in place")
	}
	return gone, nil
}

// without writes a table anew beside it, without the rows of the people.
func (f Files) without(ctx context.Context, path string) (gone, left int64, err error) {
	from := duck.ReadParquet([]string{path})
	r, err := f.look(ctx, f.Session, from)
	if err != nil || !r.names() {
		return 0, r.rows, err
	}
	columns, err := f.Session.Columns(ctx, "SELECT * FROM "+from)
	if err != nil {
		return 0, 0, err
	}
	theirs := f.People.rows(columns)
	if err := f.Session.Scan(ctx, fmt.Sprintf("SELECT count(*) FILTER (%[1]s), count(*) FILTER (NOT (%[1]s)) FROM %[2]s", theirs, from), &gone, &left); err != nil {
		return 0, 0, err
	}
	if gone == 0 || f.DryRun {
		return gone, left, nil
	}
	_, err = f.Session.WriteParquet(ctx, fmt.Sprintf("SELECT * FROM %s WHERE NOT (%s)", from, theirs), path+pending)
	return gone, left, err
}

// Settle ends what a crash cut off: of the tables that were written anew, those that the
// ledger knows are put in place, the others removed. Only the holder of the lease may.
func Settle(ctx context.Context, l *ledger.Ledger, dataDir string) error {
	paths, err := fs.Glob(os.DirFS(dataDir), warehouse.TablesDir+"/.night-*/*"+pending)
	if err != nil {
		return fmt.Errorf("looking for tables that are not in place: %w", err)
	}
	for _, name := range paths {
		path := filepath.Join(dataDir, filepath.FromSlash(name))
		var night int64
		if _, err := fmt.Sscanf(filepath.Base(filepath.Dir(path)), ".night-%d", &night); err != nil {
			continue
		}
		known, err := l.NightTables(ctx, night)
		if err != nil {
			return err
		}
		sum, _, err := durable.Digest(path)
		if err != nil {
			return err
		}
		to := strings.TrimSuffix(path, pending)
		wanted := false
		for _, t := range known {
			wanted = wanted || t.Name+".parquet" == filepath.Base(to) && t.SHA256 == sum
		}
		if !wanted {
			err = os.Remove(path)
		} else {
			err = durable.Move(path, to)
		}
		if err != nil {
			return fmt.Errorf("ending what was cut off: %w", err)
		}
	}
	return nil
}
