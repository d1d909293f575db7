package jobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/card"
	"github.com/mainstay-etl/mainstay/models/learn"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
)

// ModelVersion is a model file of a data directory.
type ModelVersion struct {
	Task, Version, Model string // Model is the kind, or the rule
	File                 string // relative to the data directory
	Header               models.Header
	Report               learn.Report
	Made                 card.Made
	Broken               error    // why the file cannot be read; then only Task and File are set
	Served               []string // published as-of days that it gave the scores of, in order
}

// ModelVersions lists the models below a data directory: by task, the newest cutoff first.
func ModelVersions(ctx context.Context, dataDir string) ([]ModelVersion, error) {
	l, err := ledger.OpenExisting(ctx, dataDir)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	served, err := servedDays(ctx, l, dataDir)
	if err != nil {
		return nil, err
	}
	var out []ModelVersion
	for _, pr := range predictions() {
		files, err := filepath.Glob(filepath.Join(dataDir, "models", pr.task.Name, "*.model"))
		if err != nil {
			return nil, fmt.Errorf("listing models: %w", err)
		}
		made, err := madeBy(ctx, l, pr, dataDir)
		if err != nil {
			return nil, err
		}
		seen := map[string]int{} // a model that stays in service is kept under several keys
		for _, file := range files {
			rel, err := filepath.Rel(dataDir, file)
			if err != nil {
				return nil, fmt.Errorf("listing models: %w", err)
			}
			m, err := learn.Load(pr.task, file)
			if errors.Is(err, models.ErrNewerFormat) {
				return nil, err
			}
			if err != nil {
				out = append(out, ModelVersion{Task: pr.task.Name, File: rel, Broken: err})
				continue
			}
			if at, again := seen[m.Header.Version]; again {
				out[at].Made = earlier(out[at].Made, made[file])
				continue
			}
			seen[m.Header.Version] = len(out)
			out = append(out, ModelVersion{
				Task: pr.task.Name, Version: m.Header.Version, Model: m.Label(), File: rel, Header: m.Header, Report: m.Report,
				Made: made[file], Served: served[pr.task.Name+" "+m.Header.Version],
			})
		}
	}
	slices.SortStableFunc(out, func(a, b ModelVersion) int {
		return cmp.Or(cmp.Compare(a.Task, b.Task), cmp.Compare(b.Version, a.Version))
	})
	return out, nil
}

// madeBy tells of each model file of a task which night's training it came from. Whether
// the model served, was refused or stopped the night does not matter.
func madeBy(ctx context.Context, l *ledger.Ledger, pr prediction, dataDir string) (map[string]card.Made, error) {
	history, err := l.JobHistory(ctx, pr.model)
	if err != nil {
		return nil, err
	}
	nights, err := l.Nights(ctx, 0)
	if err != nil {
		return nil, err
	}
	files, err := l.AllArtifacts(ctx)
	if err != nil {
		return nil, err
	}
	of := map[int64]card.Made{}
	for _, n := range nights {
		of[n.ID] = card.Made{Night: n.ID, At: n.StartedAt}
	}
	for _, j := range history {
		made := of[j.Night]
		made.Took = time.Duration(j.Seconds * float64(time.Second))
		of[j.Night] = made
	}
	out := map[string]card.Made{}
	for _, a := range files {
		if a.Table == pr.model {
			out[filepath.Join(dataDir, a.Path)] = of[a.Night]
		}
	}
	return out, nil
}

// earlier of two nights; the zero value is none.
func earlier(a, b card.Made) card.Made {
	if a.Night == 0 || b.Night != 0 && b.Night < a.Night {
		return b
	}
	return a
}

// servedDays are the published days by task and version.
func servedDays(ctx context.Context, l *ledger.Ledger, dataDir string) (map[string][]string, error) {
	nights, err := l.PublishedNights(ctx)
	if err != nil {
		return nil, err
	}
	out := map[string][]string{}
	for _, n := range nights {
		for _, pr := range predictions() {
			was, err := inService(ctx, filepath.Join(dataDir, n.Directory), pr.task.Name)
			if err != nil {
				return nil, err
			}
			if was.version != "" {
				key := pr.task.Name + " " + was.version
				out[key] = append(out[key], n.AsOf)
			}
		}
	}
	return out, nil
}
