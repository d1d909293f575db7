package jobs

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/config"
	"github.com/mainstay-etl/mainstay/pipeline/contract"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/retention"
)

// readLater are the published tables of old nights that later nights read: scores and
// what was at stake, to grade them by, and which model served.
var readLater = []string{modelVersionsTable, scoreTables["churn"][0], scoreTables["cross_sell"][0], valueTable}

// outdated finds what the configuration lets go of a data directory. tonight is a night that
// readers see and that the ledger does not list yet, or nil. A day after today, which a
// clock that was ahead has left, makes nothing old.
func outdated(ctx context.Context, l *ledger.Ledger, dataDir string, c *config.Config, tonight *ledger.Night, today pipeline.Day) (retention.Plan, error) {
	s, err := retention.Read(ctx, l)
	if err != nil {
		return retention.Plan{}, err
	}
	if tonight != nil {
		s.Publish(*tonight)
	}
	if len(s.Published) == 0 {
		return retention.Plan{}, nil
	}
	r := c.Retention
	policy := retention.Policy{Nights: r.Nights, Snapshots: r.Snapshots, Models: r.Models, QuarantineDays: r.QuarantineDays, LakeDays: r.LakeDays}
	newest, err := pipeline.ParseDay(s.Published[len(s.Published)-1].AsOf)
	if err != nil {
		return retention.Plan{}, err
	}
	newest = notLater(newest, today)
	policy.Today = newest.String()
	// A month more than tonight: the next night may be of an older day.
	learning := map[string]bool{}
	for _, day := range pipeline.Months(newest.AddDays(-31*(c.History.MaxCutoffs+1)), newest) {
		learning[day.String()] = true
	}
	needs := retention.Needs{
		Tables: readLater, Outcomes: []string{scoreGradesTable}, Timeless: []string{contract.Customers.Name, contract.Products.Name},
		Learning: func(day string) bool { return learning[day] },
	}
	if policy.Models > 0 {
		if needs.Models, err = servingModels(ctx, dataDir, s, s.From(policy)); err != nil {
			return retention.Plan{}, err
		}
	}
	plan := retention.Decide(s, policy, needs)
	return plan, retention.Tables(dataDir, s, needs, &plan)
}

// servingModels are the files of the models that gave the scores of nights that are kept,
// which begin at from, and those that the next night may compare with or go on with: of each task the last one,
// and the last one that had learned from something else.
func servingModels(ctx context.Context, dataDir string, s retention.State, from int) (map[string]bool, error) {
	var paths []string
	whole := map[string]bool{}
	for i, n := range s.Published {
		path := filepath.Join(dataDir, n.Directory, modelVersionsTable+".parquet")
		if _, err := os.Stat(path); err != nil {
			continue // a night of before this table
		}
		paths = append(paths, path)
		whole[n.AsOf] = i >= from || n.AsOf == s.Shown
	}
	out := map[string]bool{}
	if len(paths) == 0 {
		return out, nil
	}
	d, err := duck.Open(ctx, duck.Options{Threads: 1})
	if err != nil {
		return nil, err
	}
	defer d.Close()
	r, err := d.Query(ctx, fmt.Sprintf("SELECT regexp_extract(filename, '.*as_of=([^/]+)', 1), task, coalesce(file, ''), coalesce(basis, '') FROM read_parquet([%s], union_by_name = true, filename = true) ORDER BY 1 DESC, 2", quotedList(paths)))
	if err != nil {
		return nil, fmt.Errorf("reading which models served: %w", err)
	}
	last := map[string]string{} // basis of the last one, by task
	before := map[string]bool{} // whether one of another basis was found
	for _, row := range r.Rows {
		day, task, file, basis := row[0].(string), row[1].(string), row[2].(string), row[3].(string)
		_, known := last[task]
		other := known && basis != last[task] && !before[task]
		if !known {
			last[task] = basis
		}
		if other {
			before[task] = true
		}
		if whole[day] || !known || other {
			out[file] = true
		}
	}
	return out, nil
}

func quotedList(texts []string) string {
	out := ""
	for i, t := range texts {
		if i > 0 {
			out += ", "
		}
		out += duck.File(t)
	}
	return out
}

// retain lets go what has become old, after a night.
func (p *Project) retain(ctx context.Context, n *pipeline.Night, tonight *ledger.Night) error {
	plan, err := outdated(ctx, n.Ledger, n.Dir, p.Config, tonight, p.today)
	if err != nil || plan.Empty() {
		return err
	}
	bytes, err := sizeOfAll(n.Dir, plan.Items)
	if err != nil {
		return err
	}
	if err := retention.Apply(ctx, n.Ledger, n.Dir, plan); err != nil {
		return err
	}
	n.Log.Info("let go of what has become old", "files", len(plan.Items), "bytes", bytes)
	return nil
}

func sizeOfAll(dataDir string, items []retention.Item) (int64, error) {
	var paths []string
	for _, item := range items {
		paths = append(paths, filepath.Join(dataDir, item.Path))
	}
	return freed(paths)
}

// freed is how many bytes the removal of files and folders frees: a file that goes by only
// some of its names frees nothing.
func freed(paths []string) (int64, error) {
	type file struct {
		info  fs.FileInfo
		names uint64
	}
	var found []file
	var bytes int64
	for _, path := range paths {
		err := filepath.WalkDir(path, func(_ string, d fs.DirEntry, err error) error {
			if err != nil {
				if os.IsNotExist(err) {
					return nil
				}
				return err
			}
			if !d.Type().IsRegular() {
				return nil
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			if links(info) <= 1 {
				bytes += info.Size()
				return nil
			}
			i := slices.IndexFunc(found, func(f file) bool { return os.SameFile(f.info, info) })
			if i < 0 {
				found, i = append(found, file{info: info}), len(found)
			}
			if found[i].names++; found[i].names == links(info) {
				bytes += info.Size()
			}
			return nil
		})
		if err != nil {
			return 0, fmt.Errorf("measuring what goes: %w", err)
		}
	}
	return bytes, nil
}
