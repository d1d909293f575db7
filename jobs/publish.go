package jobs

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/durable"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/warehouse"
)

// AuditError says which checks hold a night back.
type AuditError struct {
	Failures  string // one per line
	Candidate string // the warehouse that was built and not published
}

// Error lists the failures.
func (e *AuditError) Error() string {
	return fmt.Sprintf("the audit holds the night back; the last published night stays. Look into it with any DuckDB client in %s\n%s", e.Candidate, e.Failures)
}

// publish builds the warehouse beside the published one, audits it, and makes the
// night visible: its Parquet tables by the day's link, then the warehouse by one
// rename. It returns the warnings of the audit.
func (p *Project) publish(ctx context.Context, n *pipeline.Night, g *pipeline.Graph, tables pipeline.Tables) (dir, warnings string, err error) {
	var out []warehouse.Table
	var checks []duck.Check
	for _, j := range g.Jobs {
		if !published(j) {
			continue
		}
		part, ok := currentPart(tables[j.Name], n.AsOf)
		if !ok {
			return "", "", fmt.Errorf("publishing: table %s has no part for %s", j.Name, n.AsOf)
		}
		t := warehouse.Table{Name: j.Name, Parquet: part.Path, About: j.About, Columns: p.columnDocs(j.Name)}
		out = append(out, t)
		checks = append(checks, p.checks(j.Name)...)
	}
	next := filepath.Join(n.Dir, warehouse.FileName+".next")
	found, err := warehouse.Build(ctx, next, duck.Options{Threads: max(n.Workers, 1), Memory: p.memory(), TempDir: filepath.Join(n.Dir, pipeline.ScratchDir, "warehouse")}, out, checks)
	if err != nil {
		return "", "", fmt.Errorf("building the warehouse: %w", err)
	}
	if err := n.Ledger.RecordChecks(ctx, n.ID, checkResults(found)); err != nil {
		return "", "", err
	}
	if failures := warehouse.Failures(found, severityError); failures != "" {
		kept := filepath.Join(n.Dir, "warehouse.rejected.duckdb")
		if err := os.Rename(next, kept); err != nil {
			return "", "", fmt.Errorf("keeping the rejected warehouse: %w", err)
		}
		return "", "", &AuditError{Failures: failures, Candidate: kept}
	}
	if err := ctx.Err(); err != nil {
		return "", "", err
	}
	if dir, err = warehouse.PublishParquet(n.Dir, n.AsOf.String(), n.ID, out); err != nil {
		return "", "", err
	}
	if err := durable.Move(next, filepath.Join(n.Dir, warehouse.FileName)); err != nil {
		return "", "", err
	}
	return dir, warehouse.Failures(found, severityWarn), nil
}

const (
	severityError = "error"
	severityWarn  = "warn"
)

func checkResults(found []duck.Finding) []ledger.CheckResult {
	out := make([]ledger.CheckResult, len(found))
	for i, f := range found {
		out[i] = ledger.CheckResult{Table: f.Table, Name: f.Name, Severity: f.Severity, Failing: f.Rows, Detail: f.Sample}
	}
	return out
}
