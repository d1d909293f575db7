package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mainstay-etl/mainstay/bench/rounds"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/shop"
)

// packages are what the contestants in Python need; DuckDB is the version that mainstay
// has within.
var packages = []string{"duckdb==1.5.6", "polars", "pandas", "pyarrow"}

var (
	//go:embed script.py
	scriptProgram []byte
	//go:embed features_polars.py
	polarsProgram []byte
	//go:embed features_pandas.py
	pandasProgram []byte
)

type bench struct {
	options
	made     bool // the folder is ours to remove
	group    *group
	prepared string // data directory with a lake
	results  map[string][]result
	differ   []string // what the contestants disagree about
	compared int      // tables
}

func (b *bench) begin(ctx context.Context) (err error) {
	b.results = map[string][]result{}
	if b.work == "" {
		if b.work, err = os.MkdirTemp("", "bench-night-"); err != nil {
			return fmt.Errorf("making a folder: %w", err)
		}
		b.made = true
	}
	if err := os.MkdirAll(b.work, 0o755); err != nil {
		return fmt.Errorf("making a folder: %w", err)
	}
	if b.mainstay == "" {
		b.mainstay = filepath.Join(b.work, "mainstay")
		if err := rounds.Command(ctx, "go", "build", "-o", b.mainstay, "github.com/mainstay-etl/mainstay/cmd/mainstay"); err != nil {
			return err
		}
	}
	if b.install {
		if b.python, err = rounds.Python(ctx, filepath.Join(b.work, "venv"), packages...); err != nil {
			return err
		}
	}
	for name, text := range map[string][]byte{"script.py": scriptProgram, "features_polars.py": polarsProgram, "features_pandas.py": pandasProgram} {
		if err := os.WriteFile(filepath.Join(b.work, name), text, 0o644); err != nil {
			return fmt.Errorf("writing a program: %w", err)
		}
	}
	limit, err := size(b.limit)
	if err != nil || limit == 0 {
		return err
	}
	if b.group, err = newGroup(limit); err != nil {
		b.say("without a limit of memory: %v", err)
	}
	return nil
}

func (b *bench) end() {
	b.group.end()
	if b.made && !b.keep {
		os.RemoveAll(b.work)
	}
}

func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
}

// prepare makes a shop and brings it into a lake, or takes the lake that is there.
func (b *bench) prepare(ctx context.Context) error {
	if b.data != "" {
		b.prepared = b.data
		return nil
	}
	project := filepath.Join(b.work, "prepared")
	if err := b.makeShop(ctx, project); err != nil {
		return err
	}
	if err := b.writeProject(project); err != nil {
		return err
	}
	b.say("extracting")
	if err := rounds.Command(ctx, b.mainstay, "extract", "--project", project); err != nil {
		return err
	}
	b.prepared = filepath.Join(project, "data")
	return nil
}

// mass are the kinds of interactions of which there are most: of these about three in ten
// are kept, so that there are two interactions for each order line.
const mass = "'view', 'visit', 'email_sent', 'campaign_sent', 'search', 'cart', 'email_open'"

func (b *bench) makeShop(ctx context.Context, project string) error {
	config := shop.Default()
	config.Customers, config.Orders, config.Format, config.FilePer = b.customers, b.orders, shop.Parquet, shop.Month
	whole := filepath.Join(b.work, "shop")
	sum, err := shop.Generate(ctx, config, whole, nil)
	if err != nil {
		return err
	}
	d, err := duck.Open(ctx, duck.Options{Threads: b.threads})
	if err != nil {
		return err
	}
	defer d.Close()
	for table, where := range map[string]string{"orders": "true", "interactions": "kind NOT IN (" + mass + ") OR hash(interaction_id) % 1000 < 302"} {
		to := filepath.Join(project, "in", table)
		if err := os.MkdirAll(to, 0o755); err != nil {
			return fmt.Errorf("making a folder: %w", err)
		}
		files, err := filepath.Glob(filepath.Join(whole, table, "*.parquet"))
		if err != nil || len(files) == 0 {
			return fmt.Errorf("no files of %s in %s", table, whole)
		}
		slices.Sort(files)
		for _, file := range files {
			if err := d.Exec(ctx, fmt.Sprintf("COPY (SELECT * FROM %s WHERE %s) TO %s (FORMAT parquet, COMPRESSION zstd)",
				duck.ReadParquet([]string{file}), where, duck.Quote(filepath.Join(to, filepath.Base(file))))); err != nil {
				return err
			}
		}
	}
	b.say("made a shop of %d customers, %d orders, %d order lines, %d interactions before most are left out", sum.Customers, sum.Orders, sum.OrderLines.Rows, sum.Interactions.Rows)
	return os.RemoveAll(whole)
}

// writeProject writes a configuration under which a night makes the snapshot of its own
// day alone and learns nothing.
func (b *bench) writeProject(dir string) error {
	var sources strings.Builder
	for _, table := range []string{"orders", "interactions"} {
		fmt.Fprintf(&sources, "  - name: %s\n    files: ./in/%s/*.parquet\n    tables:\n      %s:\n        select: SELECT * FROM input\n", table, table, table)
	}
	text := fmt.Sprintf("name: bench\nsources:\n%shistory: {min_days: 3650}\nmodels: {search: 0}\nresources: {workers: %d, memory: %s}\n", sources.String(), b.threads, b.memory)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("making a folder: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "mainstay.yaml"), []byte(text), 0o644); err != nil {
		return fmt.Errorf("writing the configuration: %w", err)
	}
	return nil
}

// fresh gives a project whose lake is the prepared one, by hard links, and which has made
// nothing yet: what a night made before is neither reused nor touched.
func (b *bench) fresh(ctx context.Context) (project string, err error) {
	project = filepath.Join(b.work, "run")
	if err := os.RemoveAll(project); err != nil {
		return "", fmt.Errorf("clearing up: %w", err)
	}
	data := filepath.Join(project, "data")
	if err := b.writeProject(project); err != nil {
		return "", err
	}
	if err := os.MkdirAll(data, 0o755); err != nil {
		return "", fmt.Errorf("making a folder: %w", err)
	}
	// Sources are not read again: there are no files, of which the night warns.
	for _, table := range []string{"orders", "interactions"} {
		if err := os.MkdirAll(filepath.Join(project, "in", table), 0o755); err != nil {
			return "", fmt.Errorf("making a folder: %w", err)
		}
	}
	if err := rounds.Command(ctx, "cp", "-rl", filepath.Join(b.prepared, "lake"), data); err != nil {
		return "", err
	}
	for _, pattern := range []string{"ledger.sqlite*", "redo"} {
		files, err := filepath.Glob(filepath.Join(b.prepared, pattern))
		if err != nil {
			return "", fmt.Errorf("looking for the ledger: %w", err)
		}
		if len(files) == 0 {
			continue
		}
		if err := rounds.Command(ctx, "cp", append(append([]string{"-r"}, files...), data)...); err != nil {
			return "", err
		}
	}
	return project, nil
}
