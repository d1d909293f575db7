package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/jobs"
	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
)

// The JSON of a night is read by machines: it changes only on purpose.
func TestRunDocument(t *testing.T) {
	t.Parallel()
	day, err := pipeline.ParseDay("2024-03-01")
	if err != nil {
		t.Fatal(err)
	}
	ended := []ledger.JobResult{{Name: "orders", Status: ledger.JobDone, Rows: 1000, Seconds: 1.5, Note: "3 files in the lake"}, {Name: "churn_scores", Status: ledger.JobReused, Rows: 40, Seconds: 0.1}}
	checks := []ledger.CheckResult{{Table: "churn_scores", Name: "unique: customer_id", Severity: "error"}, {Table: "churn_scores", Name: "not_null: risk_band", Severity: "warn", Failing: 2, Detail: "C1, C2"}}
	night := jobs.Outcome{Night: 12, AsOf: day, Jobs: ended, Checks: checks}
	warned, partial, older := night, night, night
	warned.Warnings = []string{"deliveries seem to have stopped"}
	warned.Continues = &jobs.Continued{Night: 11, Status: ledger.Interrupted, Changed: []string{"the SQL"}}
	partial.Partial, older.ShownDay = jobs.PartialFile, "2024-03-02"
	held := &ledger.HeldError{Holder: "night 2024-03-01", Host: "db1", PID: 7, Since: time.Date(2024, 3, 1, 2, 0, 0, 0, time.UTC), Seen: time.Date(2024, 3, 1, 2, 5, 0, 0, time.UTC)}
	for name, c := range map[string]struct {
		night jobs.Outcome
		err   error
	}{
		"published":   {night, nil},
		"warnings":    {warned, warningsError{1, "published"}},
		"partial":     {partial, nil},
		"older":       {older, nil},
		"failed":      {night, errors.New("job churn_scores: disk full")},
		"interrupted": {night, fmt.Errorf("%w: %w", pipeline.ErrStopped, context.Canceled)},
		"held":        {jobs.Outcome{AsOf: day}, held},
		"not_started": {jobs.Outcome{}, usageError{errors.New("mainstay.yaml:1:1: name: missing")}},
	} {
		var out bytes.Buffer
		if err := writeJSON(&out, outcomeJSON(c.night, c.err, 1234567*time.Microsecond)); err != nil {
			t.Fatal(err)
		}
		golden(t, filepath.Join("run_json", name+".json"), out.String())
	}
}

// Bad usage is a document, too, and nothing else on stdout.
func TestRunJSONOfBadUsage(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program")
	}
	t.Parallel()
	code, stdout, stderr := run(t, t.TempDir(), "run", "--json")
	var doc runDocument
	if err := json.Unmarshal([]byte(stdout), &doc); err != nil || code != 2 || doc.ExitCode != 2 || doc.Status != "not_started" || doc.Error == nil || stderr == "" {
		t.Errorf("exit code %d, %v, %+v, stderr %q", code, err, doc, stderr)
	}
}
