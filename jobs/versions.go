package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mainstay-etl/mainstay/models/gate"
	"github.com/mainstay-etl/mainstay/models/learn"
	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/durable"
)

// modelVersionsTable says which model gave a night's scores, and why that one.
const modelVersionsTable = "model_versions"

// Labels of the parts of a model table: the model that scores has none.
const (
	challengerPart = "challenger"
	stoppedPart    = "stopped" // too good to be true
	servicePart    = "service"
)

// service says which model scores, beside the model files. It is what a later night
// finds the champion by.
type service struct {
	Use        string       `json:"use"` // gate.UseChallenger, ...
	Version    string       `json:"version,omitempty"`
	Challenger string       `json:"challenger,omitempty"` // version of the one just trained
	Basis      string       `json:"basis"`                // what was learned from, and how
	Champion   string       `json:"champion,omitempty"`   // version of the one in service before
	Verdict    gate.Verdict `json:"verdict"`
}

func readService(path string) (service, error) {
	var s service
	text, err := os.ReadFile(path)
	if err != nil {
		return s, fmt.Errorf("reading which model serves: %w", err)
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return s, fmt.Errorf("reading which model serves: %s: %w", path, err)
	}
	return s, nil
}

var versionColumns = []string{"task VARCHAR", "model_version VARCHAR", "estimator VARCHAR", "use VARCHAR", "challenger_version VARCHAR", "champion_version VARCHAR",
	"learned_until DATE", "cutoffs INTEGER", "rows BIGINT", "positives BIGINT", "features INTEGER", "reason VARCHAR", "file VARCHAR", "sha256 VARCHAR", "basis VARCHAR"}

// versionsJob publishes which model serves.
func versionsJob(p *Project) pipeline.Job {
	return pipeline.Job{
		Name: modelVersionsTable, Kind: pipeline.Report, Needs: []string{churnModel, crossSellModel}, Logic: code(),
		About: "Which model gave tonight's scores, what it learned from, and why this one.",
		Run: func(ctx context.Context, r *pipeline.Run) (pipeline.Table, error) {
			var rows []string
			for _, pr := range predictions() {
				row, err := versionRow(r, pr)
				if err != nil {
					return pipeline.Table{}, err
				}
				rows = append(rows, row...)
			}
			return p.valuesTable(ctx, r, versionColumns, rows)
		},
	}
}

func versionRow(r *pipeline.Run, pr prediction) ([]string, error) {
	part, ok := r.In[pr.model].At("", "")
	if !ok {
		return nil, nil
	}
	about, _ := r.In[pr.model].At("", servicePart)
	s, err := readService(about.Path)
	if err != nil {
		return nil, err
	}
	m, err := learn.Load(pr.task, part.Path)
	if err != nil {
		return nil, err
	}
	file, err := filepath.Rel(r.Night.Dir, part.Path)
	if err != nil {
		return nil, fmt.Errorf("naming the file of a model: %w", err)
	}
	h := m.Header
	last := "NULL"
	if len(h.Cutoffs) > 0 {
		last = "DATE " + duck.Quote(h.Cutoffs[len(h.Cutoffs)-1])
	}
	return []string{fmt.Sprintf("(%s, %s, %s, %s, %s, %s, %s, %d, %d, %d, %d, %s, %s, %s, %s)", duck.Quote(pr.task.Name), duck.Quote(h.Version), duck.Quote(m.Label()), duck.Quote(s.Use),
		textOrNull(s.Challenger), textOrNull(s.Champion), last, len(h.Cutoffs), h.Rows, h.Positives, len(h.Features), duck.Quote(reasonOf(s)),
		duck.Quote(filepath.ToSlash(file)), duck.Quote(part.SHA256), duck.Quote(s.Basis))}, nil
}

func textOrNull(s string) string {
	if s == "" {
		return "NULL"
	}
	return duck.Quote(s)
}

// reasonOf tells in words why a model serves.
func reasonOf(s service) string {
	var said []string
	for _, f := range s.Verdict.Findings {
		if f.Severity != gate.Info || s.Use == gate.UseChallenger {
			said = append(said, f.Message)
		}
	}
	return strings.Join(said, "; ")
}

// champion is the model that was in service before tonight's learning basis came up: that
// of the latest published night of an earlier day that had learned from something else.
// Nights on the same basis have the same champion, so nothing is learned twice.
type champion struct {
	model   *learn.Model
	sha256  string
	path    string
	warning string // why there is none although there should be one
}

func (p *Project) champion(ctx context.Context, r *pipeline.Run, pr prediction, basis string) (champion, error) {
	nights, err := r.Night.Ledger.PublishedNights(ctx)
	if err != nil {
		return champion{}, err
	}
	for _, n := range slices.Backward(nights) {
		if n.AsOf >= r.Night.AsOf.String() {
			continue
		}
		if err := provePublished(ctx, r.Night.Ledger, r.Night.Dir, n, modelVersionsTable); err != nil {
			return champion{warning: fmt.Sprintf("%s: which model was in service cannot be told, so tonight's is compared with the simple rule alone: %v", pr.task.Name, err)}, ctx.Err()
		}
		was, err := inService(ctx, filepath.Join(r.Night.Dir, n.Directory), pr.task.Name)
		if err != nil {
			return champion{}, err
		}
		if was.file == "" || was.basis == basis {
			continue
		}
		path := filepath.Join(r.Night.Dir, filepath.FromSlash(was.file))
		c, why := p.loadChampion(ctx, r, pr, path, was.sha256)
		if why != nil {
			return champion{warning: fmt.Sprintf("%s: the model %s, in service since before, cannot be used any more, so tonight's is compared with the simple rule alone: %v", pr.task.Name, was.version, why)}, ctx.Err()
		}
		return c, nil
	}
	return champion{}, nil
}

// loadChampion loads a model that is to go on serving, and makes sure that it can: its
// file is as it was, and tonight's snapshot has its features.
func (p *Project) loadChampion(ctx context.Context, r *pipeline.Run, pr prediction, path, sha256 string) (champion, error) {
	sum, _, err := durable.Digest(path)
	if err != nil {
		return champion{}, err
	}
	if sum != sha256 {
		return champion{}, fmt.Errorf("%s is damaged: it is not the file that it was. Bring it back from a backup", path)
	}
	m, err := learn.Load(pr.task, path)
	if err != nil {
		return champion{}, err
	}
	d, err := duck.Open(ctx, duck.Options{})
	if err != nil {
		return champion{}, err
	}
	defer d.Close()
	has := map[string]bool{}
	for _, name := range pr.features {
		part, _ := r.In[name].At(r.Night.AsOf.String(), "")
		columns, err := d.Columns(ctx, "SELECT * FROM "+duck.ReadParquet([]string{part.Path}))
		if err != nil {
			return champion{}, err
		}
		for _, c := range columns {
			has[c.Name] = true
		}
	}
	for _, feature := range m.Estimator.Features() {
		if !has[feature] {
			return champion{}, fmt.Errorf("tonight's snapshot has no feature %s, which it asks for", feature)
		}
	}
	return champion{model: m, sha256: sum, path: path}, nil
}

// served is a row of model_versions.
type served struct{ version, file, sha256, basis string }

// inService reads which model a published night scored with. Nights of earlier versions
// of mainstay did not say.
func inService(ctx context.Context, dir, task string) (served, error) {
	var s served
	path := filepath.Join(dir, modelVersionsTable+".parquet")
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	d, err := duck.Open(ctx, duck.Options{})
	if err != nil {
		return s, err
	}
	defer d.Close()
	for column, into := range map[string]*string{"model_version": &s.version, "file": &s.file, "sha256": &s.sha256, "basis": &s.basis} {
		query := fmt.Sprintf("SELECT coalesce(max(%s), '') FROM %s WHERE task = %s", column, duck.ReadParquet([]string{path}), duck.Quote(task))
		if err := d.Scan(ctx, query, into); err != nil {
			return s, fmt.Errorf("reading %s: %w", path, err)
		}
	}
	return s, nil
}
