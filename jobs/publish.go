package jobs

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/durable"
	"github.com/mainstay-etl/mainstay/pipeline/fault"
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

// candidate is a built and audited night that nobody sees yet.
type candidate struct {
	warehouse string // its file
	tables    []warehouse.Table
	digests   []ledger.NightTable // of the same tables
	warnings  string              // of the audit
}

// assembleNight builds the warehouse beside the published one and audits it.
func (p *Project) assembleNight(ctx context.Context, n *pipeline.Night, g *pipeline.Graph, tables pipeline.Tables) (candidate, error) {
	var c candidate
	var err error
	if c.warehouse, err = warehouse.NextFile(n.Dir); err != nil {
		return c, err
	}
	var checks []duck.Check
	here := map[string]bool{}
	for _, j := range g.Jobs {
		here[j.Name] = published(j)
	}
	for _, j := range g.Jobs {
		if !published(j) {
			continue
		}
		part, ok := currentPart(tables[j.Name], n.AsOf)
		if !ok {
			return c, fmt.Errorf("publishing: table %s has no part for %s", j.Name, n.AsOf)
		}
		c.tables = append(c.tables, warehouse.Table{Name: j.Name, Parquet: part.Path, About: j.About, Columns: p.columnDocs(j.Name)})
		c.digests = append(c.digests, ledger.NightTable{Name: j.Name, SHA256: part.SHA256, Rows: part.Rows})
		checks = append(checks, p.checksAmong(j.Name, here)...)
	}
	o := duck.Options{Threads: max(n.Workers, 1), TempDir: filepath.Join(n.Dir, pipeline.ScratchDir, "warehouse")}
	p.bound(&o)
	found, err := warehouse.Build(ctx, c.warehouse, o, c.tables, checks)
	if err != nil {
		_ = os.Remove(c.warehouse) // the next night sweeps it, but the disk may be full
		return c, fmt.Errorf("building the warehouse: %w", err)
	}
	if err := n.Ledger.RecordChecks(ctx, n.ID, checkResults(found)); err != nil {
		return c, err
	}
	if failures := warehouse.Failures(found, severityError); failures != "" {
		kept := filepath.Join(n.Dir, "warehouse.rejected.duckdb")
		if err := os.Rename(c.warehouse, kept); err != nil {
			return c, fmt.Errorf("keeping the rejected warehouse: %w", err)
		}
		return c, &AuditError{Failures: failures, Candidate: kept}
	}
	c.warnings = warehouse.Failures(found, severityWarn)
	return c, ctx.Err()
}

// publish makes the night visible: the warehouse by one rename, which is the moment of
// publication, then its Parquet tables by the day's link. The ledger knows beforehand
// what is about to be seen, so that a crash in between is settled by the next run. A
// night of which only the day is shown leaves the warehouse as it is.
func (c candidate) publish(ctx context.Context, n *pipeline.Night, record ledger.Night) error {
	sum, _, err := durable.Digest(c.warehouse)
	if err != nil {
		return err
	}
	if record.DayOnly {
		if err := os.Remove(c.warehouse); err != nil {
			return fmt.Errorf("removing the warehouse of a day that is not shown: %w", err)
		}
		sum = ""
	}
	if err := warehouse.GatherParquet(n.Dir, n.ID, c.tables); err != nil {
		return err
	}
	if err := warehouse.StageDay(n.Dir, n.ID); err != nil {
		return err
	}
	if err := n.Ledger.Publishing(ctx, record, sum, c.digests); err != nil {
		return err
	}
	fault.Point("about to publish")
	if !record.DayOnly {
		if err := durable.Move(c.warehouse, filepath.Join(n.Dir, warehouse.FileName)); err != nil {
			return err
		}
	}
	return warehouse.ShowDay(n.Dir, n.AsOf.String(), n.ID)
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
