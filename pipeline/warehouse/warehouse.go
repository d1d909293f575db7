// Package warehouse builds what analysts open and puts it in the place of the old one:
// one self-contained DuckDB file, replaced whole by a rename, and the same tables as
// Parquet by as-of day. A reader that holds the old file keeps reading the old night.
package warehouse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/durable"
	"github.com/mainstay-etl/mainstay/pipeline/fault"
)

// Names below the data directory.
const (
	FileName  = "warehouse.duckdb"
	TablesDir = "tables" // tables/as_of=YYYY-MM-DD/NAME.parquet
)

// Table is one table to publish.
type Table struct {
	Name    string
	Parquet string            // its rows
	About   string            // comment on the table
	Columns map[string]string // comments on columns
}

// Build writes a new warehouse file with the tables and returns what the checks found
// in it. The file is complete and on disk when Build returns.
func Build(ctx context.Context, file string, o duck.Options, tables []Table, checks []duck.Check) (found []duck.Finding, err error) {
	if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("clearing the way for the new warehouse: %w", err)
	}
	o.Path = file
	s, err := duck.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	defer func() {
		err = errors.Join(err, s.Close())
		if err == nil {
			err = durable.Sync(file)
			fault.Point("warehouse built")
		}
	}()
	for _, t := range tables {
		if err := load(ctx, s, t); err != nil {
			return nil, err
		}
	}
	if found, err = s.RunChecks(ctx, checks); err != nil {
		return nil, err
	}
	return found, s.Exec(ctx, "CHECKPOINT")
}

// load makes one table, in one transaction: each commit waits for the disk.
func load(ctx context.Context, s *duck.Session, t Table) error {
	if err := s.Exec(ctx, "BEGIN"); err != nil {
		return err
	}
	if err := s.Exec(ctx, fmt.Sprintf("CREATE TABLE %s AS SELECT * FROM %s", duck.Ident(t.Name), duck.ReadParquet([]string{t.Parquet}))); err != nil {
		return fmt.Errorf("loading table %s: %w", t.Name, err)
	}
	if err := comment(ctx, s, t); err != nil {
		return fmt.Errorf("commenting table %s: %w", t.Name, err)
	}
	return s.Exec(ctx, "COMMIT")
}

// comment puts the meaning of tables and columns where SQL clients show it.
func comment(ctx context.Context, s *duck.Session, t Table) error {
	if t.About != "" {
		if err := s.Exec(ctx, fmt.Sprintf("COMMENT ON TABLE %s IS %s", duck.Ident(t.Name), duck.Quote(t.About))); err != nil {
			return err
		}
	}
	cols, err := s.Columns(ctx, "SELECT * FROM "+duck.Ident(t.Name))
	if err != nil {
		return err
	}
	for _, c := range cols {
		if about := t.Columns[c.Name]; about != "" {
			if err := s.Exec(ctx, fmt.Sprintf("COMMENT ON COLUMN %s.%s IS %s", duck.Ident(t.Name), duck.Ident(c.Name), duck.Quote(about))); err != nil {
				return err
			}
		}
	}
	return nil
}

// DayDir is where a day's tables are, relative to the data directory.
func DayDir(asOf string) string { return filepath.Join(TablesDir, "as_of="+asOf) }

// NightDir is the directory of a night's own below TablesDir.
func NightDir(night int64) string { return fmt.Sprintf(".night-%06d", night) }

// GatherParquet links the tables of a night into a directory of its own, which nobody
// sees before LinkDay.
func GatherParquet(dataDir string, night int64, tables []Table) error {
	dir := filepath.Join(dataDir, TablesDir, NightDir(night))
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("clearing the way for the night's tables: %w", err)
	}
	if err := durable.MkdirAll(dir); err != nil {
		return err
	}
	for _, t := range tables {
		if err := linkOrCopy(t.Parquet, filepath.Join(dir, t.Name+".parquet")); err != nil {
			return fmt.Errorf("publishing %s: %w", t.Name, err)
		}
	}
	fault.Point("tables gathered")
	return durable.Sync(dir)
}

// LinkDay makes tables/as_of=DAY show the tables of a night, by one rename of a symbolic
// link. It may be done again.
func LinkDay(dataDir, asOf string, night int64) error {
	if err := StageDay(dataDir, night); err != nil {
		return err
	}
	return ShowDay(dataDir, asOf, night)
}

// StageDay makes the link that ShowDay puts in its place.
func StageDay(dataDir string, night int64) error {
	tmp := stagedLink(dataDir, night)
	if err := os.Remove(tmp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("clearing the way for the day's link: %w", err)
	}
	if err := os.Symlink(NightDir(night), tmp); err != nil {
		return fmt.Errorf("linking the day's tables: %w", err)
	}
	return nil
}

// ShowDay is the second half of LinkDay. It fails when another process has called
// SweepUnpublished since StageDay.
func ShowDay(dataDir, asOf string, night int64) error {
	if err := os.Rename(stagedLink(dataDir, night), filepath.Join(dataDir, DayDir(asOf))); err != nil {
		return fmt.Errorf("publishing the day's tables: %w", err)
	}
	fault.Point("day linked")
	return durable.Sync(filepath.Join(dataDir, TablesDir))
}

func stagedLink(dataDir string, night int64) string {
	return filepath.Join(dataDir, TablesDir, NightDir(night)+".link")
}

// NextFile is where a new warehouse is built: a name of its own for every attempt.
func NextFile(dataDir string) (string, error) {
	f, err := os.CreateTemp(dataDir, FileName+".next-*")
	if err != nil {
		return "", fmt.Errorf("making room for the new warehouse: %w", err)
	}
	return f.Name(), f.Close()
}

// SweepUnpublished removes what others have built and not published. Only who has just
// taken the lease may: a process that lost it, and was about to publish, then finds nothing
// to put in place.
func SweepUnpublished(dataDir string) error {
	entries, err := os.ReadDir(dataDir)
	if err != nil {
		return fmt.Errorf("sweeping what was not published: %w", err)
	}
	var old []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), FileName+".next") {
			old = append(old, e.Name())
		}
	}
	links, err := fs.Glob(os.DirFS(dataDir), TablesDir+"/.night-*.link")
	if err != nil {
		return fmt.Errorf("sweeping what was not published: %w", err)
	}
	for _, name := range append(old, links...) {
		if err := os.Remove(filepath.Join(dataDir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("sweeping what was not published: %w", err)
		}
	}
	return nil
}

// Shows tells whether a day's link shows the tables of a night.
func Shows(dataDir, asOf string, night int64) bool {
	target, err := os.Readlink(filepath.Join(dataDir, DayDir(asOf)))
	return err == nil && target == NightDir(night)
}

// Superseded are the directories of nights that no day shows any more, relative to the
// data directory.
func Superseded(dataDir string) ([]string, error) {
	root := filepath.Join(dataDir, TablesDir)
	entries, err := os.ReadDir(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking for superseded nights: %w", err)
	}
	shown := map[string]bool{}
	for _, e := range entries {
		if target, err := os.Readlink(filepath.Join(root, e.Name())); err == nil {
			shown[target] = true
		}
	}
	var out []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".night-") && !shown[e.Name()] && (e.IsDir() || strings.HasSuffix(e.Name(), ".link")) {
			out = append(out, filepath.Join(TablesDir, e.Name()))
		}
	}
	return out, nil
}

// linkOrCopy gives a file a second name; where the file system has no hard links, a
// copy.
func linkOrCopy(from, to string) error {
	if err := os.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Link(from, to); err == nil {
		return nil
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) // never through a second name of from
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return errors.Join(out.Sync(), out.Close())
}

// Open opens the published warehouse for reading.
func Open(ctx context.Context, dataDir string) (*duck.Session, error) {
	path := filepath.Join(dataDir, FileName)
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("no warehouse in %s: no night was published there yet (run `mainstay run`, or name the directory with --data): %w", dataDir, err)
	}
	s, err := duck.Open(ctx, duck.Options{Path: path, ReadOnly: true, Threads: 2})
	if err != nil {
		return nil, err
	}
	// Whoever asks the warehouse can read it and nothing else: COPY TO or ATTACH could
	// otherwise write over any file, the ledger among them.
	for _, set := range []string{"SET enable_external_access = false", "SET lock_configuration = true"} {
		if err := s.Exec(ctx, set); err != nil {
			s.Close()
			return nil, err
		}
	}
	return s, nil
}

// Failures renders the findings of a severity that do not hold, one per line.
func Failures(found []duck.Finding, severity string) string {
	var lines []string
	for _, f := range found {
		if f.Rows > 0 && f.Severity == severity {
			lines = append(lines, fmt.Sprintf("%s: %s: %d rows fail: %s", f.Table, f.Name, f.Rows, f.Sample))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
