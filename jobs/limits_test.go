package jobs

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/config"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/source"
	"github.com/mainstay-etl/mainstay/pipeline/source/postgres"
	"github.com/mainstay-etl/mainstay/pipeline/source/relational"
)

func TestSlowJobs(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	l, err := ledger.Open(ctx, t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p := &Project{Config: config.Default()}
	for _, night := range []struct {
		seconds map[string]float64
		status  string
		want    string
	}{
		{map[string]float64{"steady": 100, "short": 1}, ledger.JobDone, ""},
		{map[string]float64{"steady": 120, "short": 1}, ledger.JobDone, ""},
		{map[string]float64{"steady": 1000, "short": 1}, ledger.JobDone, ""}, // two runs tell too little
		{map[string]float64{"steady": 0.1}, ledger.JobReused, ""},
		{map[string]float64{"steady": 239, "short": 50}, ledger.JobDone, ""}, // the median is 120
		{map[string]float64{"steady": 400, "short": 50}, ledger.JobDone, "job steady took 6m40s, usually 2m59.5s (the median of its last 4 runs)"},
		{map[string]float64{"steady": 5000}, ledger.JobFailed, ""},
	} {
		id, err := l.Begin(ctx, ledger.Night{AsOf: "2024-03-01"})
		if err != nil {
			t.Fatal(err)
		}
		for name, s := range night.seconds {
			if err := l.RecordJob(ctx, id, ledger.JobResult{Name: name, Status: night.status, Seconds: s}); err != nil {
				t.Fatal(err)
			}
		}
		got, err := p.slowJobs(ctx, &pipeline.Night{ID: id, Ledger: l})
		if text := strings.Join(got, "; "); err != nil || (night.want == "") != (text == "") || !strings.Contains(text, night.want) {
			t.Errorf("night %d: got %q, %v, want %q", id, text, err, night.want)
		}
	}
	p.Config.Jobs.SlowFactor = 0
	if got, err := p.slowJobs(ctx, &pipeline.Night{ID: 6, Ledger: l}); err != nil || len(got) > 0 {
		t.Errorf("turned off: %q, %v", got, err)
	}
}

// A database that refuses connections is tried again; one that refuses the password is not.
func TestDatabaseErrorsThatPass(t *testing.T) {
	t.Parallel()
	d, err := postgres.New(postgres.Options{URL: "postgres://reader@127.0.0.1:1/shop"})
	if err != nil {
		t.Fatal(err)
	}
	src, err := relational.New(relational.Options{Name: "shop", TimeZone: "UTC", Tables: map[string]relational.Table{"orders": {Select: "SELECT 1 AS order_id", Key: []string{"order_id"}}},
		Limits: relational.Limits{QueryTime: time.Second, StatementTimeout: time.Second, LockTimeout: time.Second, Connections: 1}}, d)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	_, err = src.Check(t.Context(), source.Nothing(""))
	if err == nil || !pipeline.Passing(markPassing(src, err)) {
		t.Errorf("a refused connection cannot pass: %v", err)
	}
	for _, stays := range []error{errors.New("bad mapping"), &os.PathError{Op: "write", Path: "x", Err: errors.New("disk full")}} {
		if pipeline.Passing(markPassing(src, stays)) {
			t.Errorf("%v is said to pass", stays)
		}
	}
	if markPassing(src, nil) != nil {
		t.Error("no error became one")
	}
}

// Names in jobs.tables are those of the night's tables.
func TestJobLimitsNameTables(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(jobs string) {
		text := "name: shop\nsources: [{name: a, files: a.csv, tables: {orders: {select: SELECT * FROM input}}}]\n" + jobs
		if err := os.WriteFile(filepath.Join(dir, config.FileName), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("jobs:\n  tables:\n    churn_modle: {timeout: 2h}\n")
	_, err := Load(context.Background(), dir, "")
	if err == nil || !strings.Contains(err.Error(), "mainstay.yaml:5:5: jobs.tables.churn_modle") || !strings.Contains(err.Error(), `did you mean "churn_model"?`) {
		t.Errorf("got %v", err)
	}
	write("jobs:\n  retries: 1\n  tables:\n    churn_model: {timeout: 2h}\n    extract_a: {retries: 7}\n")
	p, err := Load(context.Background(), dir, "")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]pipeline.Limits{
		"churn_model": {Retries: 1, Timeout: 2 * time.Hour, Backoff: 10 * time.Second},
		"extract_a":   {Retries: 7, Backoff: 10 * time.Second},
		"orders":      {Retries: 1, Backoff: 10 * time.Second},
	} {
		if got := p.limitsOf(pipeline.Job{Name: name}); got != want {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
	}
}
