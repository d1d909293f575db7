package monitor

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/mainstay-etl/mainstay/pipeline/ledger"
)

// history is a data directory with a good night, an extraction, one that failed and a good
// one again; at is when the last one ended.
func history(t *testing.T) (dir string, at time.Time) {
	t.Helper()
	ctx, dir := t.Context(), t.TempDir()
	at = time.Date(2024, 3, 1, 2, 0, 0, 0, time.UTC)
	l, err := ledger.Open(ctx, dir, func() time.Time { return at })
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	night := func(asOf, kind, status string, warnings int, read, refused int64) {
		id, err := l.Begin(ctx, ledger.Night{AsOf: asOf, Kind: kind})
		do(err)
		batch, input, err := l.NextIDs(ctx)
		do(err)
		do(l.CommitBatch(ctx, ledger.Batch{ID: batch, Source: "shop", AsOf: asOf, Night: id, Inputs: []ledger.Input{{ID: input, Source: "shop", Name: fmt.Sprint(id), Rows: read}},
			Accounts: []ledger.Account{{Input: ledger.Input{ID: input, Source: "shop"}, Table: "orders", Read: read, Stored: read - refused, Quarantined: refused}}}))
		do(l.RecordJob(ctx, id, ledger.JobResult{Name: "churn_scores", Status: ledger.JobDone, Rows: 100 * id, Seconds: 1.5}))
		auc := func(day string, v float64) ledger.ModelMetric {
			return ledger.ModelMetric{Task: "churn", Estimator: "blend", Data: "validation " + day, Metric: "auc", Value: v}
		}
		do(l.RecordModelMetrics(ctx, id, []ledger.ModelMetric{auc("2024-01-01", 0.5), auc("2024-02-01", 0.8)}))
		if kind == ledger.KindNight {
			do(l.RecordChecks(ctx, id, []ledger.CheckResult{{Table: "t", Name: "holds", Severity: "error"}, {Table: "t", Name: "broken", Severity: "warn", Failing: 7 * id}}))
		}
		n := ledger.Night{ID: id, AsOf: asOf, Kind: kind, Status: status, Warnings: warnings}
		if status == ledger.Published && kind == ledger.KindNight {
			do(l.Publishing(ctx, n, "digest", []ledger.NightTable{{Name: "churn_scores", Rows: 100 * id}}))
		}
		at = at.Add(90 * time.Second)
		do(l.End(ctx, n))
		do(l.RecordNotices(ctx, []ledger.Notice{{Night: id, AsOf: asOf, Event: "warnings", Channel: "chat", Tries: 1, Error: map[bool]string{true: "no"}[status == ledger.Failed]}}))
		at = at.Add(time.Hour)
	}
	night("2024-03-01", ledger.KindNight, ledger.Published, 0, 10, 1)
	night("2024-03-01", ledger.KindExtraction, ledger.Published, 0, 20, 2)
	night("2024-03-02", ledger.KindNight, ledger.Failed, 0, 30, 3)
	night("2024-03-02", ledger.KindNight, ledger.Published, 2, 40, 4)
	slot := func(hour int, status string) ledger.Slot {
		return ledger.Slot{At: time.Date(2024, 3, 2, hour, 0, 0, 0, time.UTC), AsOf: "2024-03-02", Work: ledger.WorkNight, Starts: at, Status: status}
	}
	_, err = l.AddSlots(ctx, "nightly", time.Time{}, at, []ledger.Slot{slot(1, ledger.SlotDone), slot(2, ledger.SlotFailed), slot(3, ledger.SlotWaiting)})
	do(err)
	do(l.RecordPush(ctx, ledger.Push{Night: 4, Target: "postgres", Tables: 1, Rows: 400}))
	return dir, at.Add(-time.Hour)
}

func serve(t *testing.T, o Options) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	address, ended, err := Serve(ctx, "127.0.0.1:0", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return "http://" + address
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(text)
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	dir, end := history(t)
	slot := time.Unix(1800000000, 0)
	o := Options{Dir: dir, Project: "shop", Version: "1.2", Next: func(time.Time) []Slot { return []Slot{{"night", slot}} }, Alive: func() time.Time { return time.Now() }}
	code, text := get(t, serve(t, o)+"/metrics")
	if code != http.StatusOK {
		t.Fatalf("%d %s", code, text)
	}
	number := func(t time.Time) string { return fmt.Sprintf("%g", float64(t.Unix())) }
	for _, want := range []string{
		`mainstay_build_info{project="shop",version="1.2"} 1`,
		`mainstay_ledger_readable{project="shop"} 1`,
		`mainstay_night_last_success_timestamp_seconds{project="shop"} ` + number(end),
		`mainstay_night_last_success_as_of_timestamp_seconds{project="shop"} ` + number(time.Date(2024, 3, 2, 0, 0, 0, 0, time.UTC)),
		`mainstay_night_last_success_duration_seconds{project="shop"} 90`,
		`mainstay_night_last_success_warnings{project="shop"} 2`,
		`mainstay_night_last_attempt_status{project="shop",status="failed"} 0`,
		`mainstay_night_last_attempt_status{project="shop",status="published"} 1`,
		`mainstay_nights{project="shop",status="published"} 2`,
		`mainstay_nights{project="shop",status="failed"} 1`,
		`mainstay_nights_failing{project="shop"} 0`,
		`mainstay_table_rows{project="shop",table="churn_scores"} 400`,
		`mainstay_job_duration_seconds{project="shop",status="done",table="churn_scores"} 1.5`,
		`mainstay_rows{outcome="read",project="shop",source="shop",table="orders"} 90`, // the extraction's and the failed night's among them
		`mainstay_rows{outcome="quarantined",project="shop",source="shop",table="orders"} 9`,
		`mainstay_check_failing_rows{check="broken",project="shop",severity="warn",table="t"} 28`,
		`mainstay_model_metric{data="validation",estimator="blend",metric="auc",project="shop",task="churn"} 0.8`,
		`mainstay_notification_last_success{channel="chat",project="shop"} 1`,
		`mainstay_push_last_success{project="shop",target="postgres"} 1`,
		`mainstay_push_last_rows{project="shop",target="postgres"} 400`,
		`mainstay_schedule_next_timestamp_seconds{project="shop",schedule="night"} 1.8e+09`,
		`mainstay_schedule_last_slot_timestamp_seconds{project="shop",schedule="nightly"} ` + number(time.Date(2024, 3, 2, 2, 0, 0, 0, time.UTC)),
		`mainstay_schedule_last_slot_status{project="shop",schedule="nightly",status="failed"} 1`,
		`mainstay_schedule_last_slot_status{project="shop",schedule="nightly",status="done"} 0`,
		`go_goroutines{project="shop"} `,
	} {
		if !strings.Contains(text, "\n"+want) {
			t.Errorf("missing: %s", want)
		}
	}
	if strings.Contains(text, `check="holds"`) || strings.Contains(text, "failing_since") {
		t.Errorf("what is not the case is told:\n%s", text)
	}
	r, _ := registry(o)
	if problems, err := testutil.GatherAndLint(r); err != nil || len(problems) > 0 {
		t.Errorf("lint: %v %v", problems, err)
	}
}

func TestTextfile(t *testing.T) {
	t.Parallel()
	dir, _ := history(t)
	o := Options{Dir: dir, Project: "shop", Version: "1"}
	path := filepath.Join(t.TempDir(), "new", "mainstay.prom")
	for range 2 {
		if err := WriteTextfile(o, path); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), `mainstay_table_rows{project="shop",table="churn_scores"} 400`) || strings.Contains(string(text), "go_goroutines") {
		t.Errorf("%v\n%s", err, text)
	}
	st, err := os.Stat(path)
	if err != nil || st.Mode().Perm() != 0o644 {
		t.Errorf("node_exporter may not read it: %v, %v", st.Mode(), err)
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("left %v", left)
	}
	if err := WriteTextfile(o, filepath.Join(path, "x.prom")); err == nil {
		t.Error("no error for a directory that is a file")
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	dir, _ := history(t)
	var silent atomic.Int64
	o := Options{Dir: dir, Project: "shop", Alive: func() time.Time { return time.Now().Add(-time.Duration(silent.Load())) }}
	url := serve(t, o)
	want := func(path string, code int, text string) {
		t.Helper()
		if got, body := get(t, url+path); got != code || !strings.Contains(body, text) {
			t.Errorf("%s: got %d %s, want %d %s", path, got, body, code, text)
		}
	}
	want("/healthz", 200, "ok")
	want("/readyz", 200, "ok")
	silent.Store(int64(10 * time.Minute))
	want("/healthz", 503, "has not looked at the clock for 10m0s")
	want("/readyz", 503, "has not looked at the clock")
	silent.Store(0)
	if err := os.WriteFile(filepath.Join(dir, ledger.FileName), []byte("no ledger at all, but some other file"), 0o600); err != nil {
		t.Fatal(err)
	}
	want("/healthz", 200, "ok")
	want("/readyz", 503, "the ledger cannot be read")
	want("/metrics", 200, `mainstay_ledger_readable{project="shop"} 0`)
	want("/", 404, "")

	o.Dir = t.TempDir() // before the first night
	url = serve(t, o)
	want("/readyz", 200, "ok")
	want("/metrics", 200, `mainstay_ledger_readable{project="shop"} 1`)
	if left, _ := os.ReadDir(o.Dir); len(left) != 0 {
		t.Errorf("looking has made %v", left)
	}
	if _, _, err := Serve(t.Context(), "256.0.0.1:x", o); err == nil {
		t.Error("no error for an address that is none")
	}
}

var metricName = regexp.MustCompile(`\bmainstay_[a-z_]+\b`)

// The dashboard, the alerts and the docs name no metric that does not exist, and the docs
// describe all of them.
func TestWhatUsesTheMetrics(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, d := range all {
		known[regexp.MustCompile(`fqName: "([^"]+)"`).FindStringSubmatch(d.String())[1]] = true
	}
	named := func(file string) map[string]bool {
		text, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(file)))
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]bool{}
		for _, name := range metricName.FindAllString(string(text), -1) {
			out[name] = true
			if !known[name] {
				t.Errorf("%s names %s, which is no metric", file, name)
			}
		}
		return out
	}
	if n := len(named("examples/grafana/mainstay.json")); n < 10 {
		t.Errorf("the dashboard shows only %d metrics", n)
	}
	if n := len(named("examples/prometheus/alerts.yml")); n < 8 {
		t.Errorf("the alerts watch only %d metrics", n)
	}
	described := named("docs/operations/monitoring.md")
	for _, name := range slices.Sorted(maps.Keys(known)) {
		if !described[name] {
			t.Errorf("docs/operations/monitoring.md does not describe %s", name)
		}
	}
}

func TestExamplesAreWellFormed(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../examples/grafana/mainstay.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Title  string
		Panels []struct {
			ID      int
			Title   string
			GridPos struct{ X, Y, W, H int }
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil || dashboard.Title == "" || len(dashboard.Panels) < 10 {
		t.Errorf("dashboard: %v, %d panels", err, len(dashboard.Panels))
	}
	ids := map[int]bool{}
	for _, p := range dashboard.Panels {
		if ids[p.ID] || p.Title == "" || len(p.Targets) == 0 || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %+v", p)
		}
		ids[p.ID] = true
	}
	if text, err = os.ReadFile("../../examples/prometheus/alerts.yml"); err != nil {
		t.Fatal(err)
	}
	var rules struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	if err := yaml.UnmarshalWithOptions(text, &rules, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	for _, r := range rules.Groups[0].Rules {
		if r.Alert == "" || r.Expr == "" || r.Labels["severity"] == "" || r.Annotations["summary"] == "" {
			t.Errorf("rule %+v", r)
		}
	}
}
