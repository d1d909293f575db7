package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/mainstay-etl/mainstay/longtest"
	"github.com/mainstay-etl/mainstay/pipeline/source/dbtest"
)

// listener is a real HTTP server that keeps what a night tells it.
type listener struct {
	*httptest.Server
	mu   sync.Mutex
	told []string // path, then body
	down bool
}

func listen(t *testing.T) *listener {
	l := &listener{}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.down {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		l.told = append(l.told, r.URL.Path+" "+string(body))
	}))
	t.Cleanup(l.Close)
	return l
}

// events counts the events of lineage among what was told, by type.
func (l *listener) events(t *testing.T) map[string]int {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	out := map[string]int{}
	for _, told := range l.told {
		if body, ok := strings.CutPrefix(told, "/lineage/s3cretPath "); ok {
			var e struct{ EventType string }
			if err := json.Unmarshal([]byte(body), &e); err != nil {
				t.Fatal(err)
			}
			out[e.EventType]++
		}
	}
	return out
}

// take returns what was told since it was asked last: the JSON by its path, and pings.
func (l *listener) take(t *testing.T) (messages map[string]map[string]any, pings []string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	messages = map[string]map[string]any{}
	for _, told := range l.told {
		path, body, _ := strings.Cut(told, " ")
		if strings.HasPrefix(path, "/lineage/") {
			continue
		}
		if body == "" {
			pings = append(pings, path)
			continue
		}
		m := map[string]any{}
		if err := json.Unmarshal([]byte(body), &m); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		messages[path] = m
	}
	l.told = nil
	return messages, pings
}

const tellConfig = `
notify:
  timeout: 20s
  runbook: https://wiki.example.com/runbook
  channels:
    - {name: hook, type: webhook, url: "${HOOK}/hook/s3cretPath", token: "${TOKEN}"}
    - {name: chat, type: slack, url: "${HOOK}/chat/s3cretPath", on: failure}
  ping: {url: "${HOOK}/ping/s3cretPath", fail: true}
metrics: {textfile: ./metrics/mainstay.prom}
lineage: {file: ./lineage.jsonl, url: "${HOOK}/lineage/s3cretPath", token: "${TOKEN}"}
publish:
  postgres: {url: "${CRM}", tables: [churn_scores, customer_value, nights]}
`

// A shop's nights, from one that fails to one that is well again: people are told what
// happened and since when, the CRM's database gets the tables, every line of the log is
// JSON, and no secret shows anywhere.
func TestTellingPeople(t *testing.T) {
	t.Parallel()
	longtest.Only(t)
	db := dbtest.Postgres(t)
	l := listen(t)
	dir := filepath.Join(t.TempDir(), "shop")
	initProject(t, dir)
	file := filepath.Join(dir, "mainstay.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text = []byte(strings.Replace(string(text), "format: auto", "format: json", 1) + tellConfig)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	env := []string{"HOOK=" + l.URL, "TOKEN=t0kenOfTheHook", "CRM=" + db.URL}
	var said strings.Builder // by all runs
	run := func(args ...string) result {
		t.Helper()
		r := mainstay(t, env, append(args, "--project", dir)...)
		said.WriteString(r.stdout + r.stderr)
		return r
	}
	has := func(m map[string]any, want map[string]any) {
		t.Helper()
		for key, v := range want {
			if fmt.Sprint(m[key]) != fmt.Sprint(v) {
				t.Errorf("%s: got %v, want %v in %v", key, m[key], v, m)
			}
		}
	}

	if r := run("notify", "test"); r.code != 0 || r.stdout != "hook: delivered\nchat: delivered\n" {
		t.Errorf("notify test: exit code %d, %s%s", r.code, r.stdout, r.stderr)
	}
	if got, pings := l.take(t); got["/hook/s3cretPath"]["event"] != "test" || got["/chat/s3cretPath"]["text"] == nil || len(pings) != 0 {
		t.Errorf("notify test told %v, pinged %v", got, pings)
	}

	// Two nights without files fail.
	for attempt := 1; attempt <= 2; attempt++ {
		r := run("run", "--as-of", "2023-11-30")
		if r.code != 1 {
			t.Fatalf("exit code %d, want 1: %s", r.code, r.stderr)
		}
		logLines(t, r.stderr)
		if e := l.events(t); e["START"] < 4 || e["FAIL"] != 2 || e["START"] != e["COMPLETE"]+e["FAIL"]+e["ABORT"] {
			t.Errorf("events of lineage: %v", e)
		}
		got, pings := l.take(t)
		has(got["/hook/s3cretPath"], map[string]any{"event": "failure", "project": "shop", "as_of": "2023-11-30", "night": attempt, "status": "failed", "exit_code": 1, "job": "orders",
			"failed_attempts": attempt, "published": nil, "runbook": "https://wiki.example.com/runbook#exit-1"})
		if text := fmt.Sprint(got["/chat/s3cretPath"]["attachments"]); !strings.Contains(text, "the lake holds no orders") || !strings.Contains(text, "nothing: no night was published yet") {
			t.Errorf("the chat was told %s", text)
		}
		if strings.Join(pings, " ") != "/ping/s3cretPath/fail" {
			t.Errorf("pinged %v", pings)
		}
	}

	// One that cannot start because of its configuration is told, too.
	broken := strings.Replace(string(text), "lookback_days:", "lookback_dais:", 1)
	if err := os.WriteFile(file, []byte(broken), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := run("run", "--as-of", "2023-11-30"); r.code != 2 {
		t.Errorf("exit code %d, want 2: %s", r.code, r.stderr)
	}
	got, _ := l.take(t)
	has(got["/hook/s3cretPath"], map[string]any{"event": "failure", "status": "not_started", "exit_code": 2, "failed_attempts": 3, "runbook": "https://wiki.example.com/runbook#exit-2"})
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if r := run("run", "--no-notify", "--as-of", "2023-11-30"); r.code != 1 {
		t.Errorf("exit code %d, want 1", r.code)
	}
	if got, pings := l.take(t); len(got)+len(pings) != 0 {
		t.Errorf("with --no-notify were told %v, %v", got, pings)
	}

	// Files arrive, and nights are well again, but for the database, which is gone.
	mainstay(t, nil, "generate", "--dir", filepath.Join(dir, "incoming"), "--customers", "60", "--start", "2023-04-01", "--end", "2023-12-01").ok(t)
	env[2] = strings.Replace("CRM="+db.URL, db.Name, "gone_"+db.Name, 1)
	if r := run("run", "--as-of", "2023-12-01"); r.code != 4 {
		t.Fatalf("exit code %d, want 4: %s", r.code, r.stderr)
	}
	if e := l.events(t); e["START"] < 30 || e["COMPLETE"] != e["START"] {
		t.Errorf("events of lineage: %v", e)
	}
	got, pings := l.take(t)
	has(got["/hook/s3cretPath"], map[string]any{"event": "recovery", "status": "published", "exit_code": 4, "failed_attempts": 4, "runbook": "https://wiki.example.com/runbook#exit-4"})
	if !strings.Contains(fmt.Sprint(got["/hook/s3cretPath"]["warnings"]), "not in PostgreSQL") || strings.Join(pings, " ") != "/ping/s3cretPath" || got["/chat/s3cretPath"] != nil {
		t.Errorf("told %v, pinged %v", got, pings)
	}

	// The database is back, and the next run fills it; but nobody listens.
	env[2] = "CRM=" + db.URL
	l.mu.Lock()
	l.down = true
	l.mu.Unlock()
	r := run("run", "--as-of", "2023-12-01")
	if r.code != 4 {
		t.Fatalf("exit code %d, want 4: %s", r.code, r.stderr)
	}
	logLines(t, r.stderr)
	for _, want := range []string{"channel hook was not told after 1 tries: sending to 127.0.0.1", "it answered 403 Forbidden", "channel ping was not told", "events of lineage were not sent", `"msg":"the night was pushed to PostgreSQL"`, `"msg":"night published"`} {
		if !strings.Contains(r.stderr, want) {
			t.Errorf("%q is not in the log:\n%s", want, r.stderr)
		}
	}
	here := query(t, filepath.Join(dir, "data"), "SELECT (SELECT count(*) FROM churn_scores), (SELECT count(*) FROM customer_value), (SELECT sum(churn_probability)::DECIMAL(18,6) FROM churn_scores)")
	there := "SELECT (SELECT count(*) FROM mainstay.churn_scores)::text || ',' || (SELECT count(*) FROM mainstay.customer_value) || ',' || (SELECT sum(churn_probability)::numeric(18,6) FROM mainstay.churn_scores)"
	if got := db.Value(t, there); got != here {
		t.Errorf("PostgreSQL has %s, the warehouse %s", got, here)
	}
	run("publish", "push").ok(t).has(t, "of 2023-12-01 is in PostgreSQL, schema mainstay: 3 tables")

	metrics, err := os.ReadFile(filepath.Join(dir, "metrics", "mainstay.prom"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`mainstay_nights{project="shop",status="failed"} 3`, `mainstay_nights{project="shop",status="published"} 2`, `mainstay_nights_failing{project="shop"} 0`,
		`mainstay_notification_last_success{channel="hook",project="shop"} 0`, `mainstay_push_last_success{project="shop",target="postgres"} 1`, `mainstay_table_rows{project="shop",table="orders"} `} {
		if !strings.Contains(string(metrics), "\n"+want) {
			t.Errorf("%s is not among the metrics:\n%s", want, metrics)
		}
	}

	run("nights", "show", "5").ok(t).has(t, "AFTERWARDS", "push to postgres", "3 tables", "told hook", "it answered 403 Forbidden")

	// Who looks into the ledger, or at what was said, finds no secret.
	ledger, err := os.ReadFile(filepath.Join(dir, "data", "ledger.sqlite"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(db.URL, "://")
	password, _, _ := strings.Cut(rest[strings.Index(rest, ":")+1:], "@")
	for _, secret := range []string{"s3cretPath", "t0kenOfTheHook", password} {
		if secret == "" || strings.Contains(said.String(), secret) || strings.Contains(string(ledger), secret) {
			t.Errorf("the secret %q shows", secret)
		}
	}
}

// logLines fails the test unless every line is a JSON object, every line from the begin of
// the night on says which night and day it is of, once, and every line about a table names
// the job.
func logLines(t *testing.T, stderr string) {
	t.Helper()
	jobs, began := 0, false
	for _, line := range strings.Split(strings.TrimSpace(stderr), "\n") {
		m := map[string]any{}
		if err := json.Unmarshal([]byte(line), &m); err != nil || m["msg"] == nil || m["level"] == nil || m["time"] == nil {
			t.Errorf("no line of a JSON log: %s", line)
			continue
		}
		began = began || m["msg"] == "night started"
		for _, key := range []string{"night", "as_of"} {
			if n := strings.Count(line, fmt.Sprintf("%q:", key)); n > 1 || began && n != 1 {
				t.Errorf("%s is there %d times in %s", key, n, line)
			}
		}
		if m["job"] == nil {
			if m["table"] != nil {
				t.Errorf("job is missing in %s", line)
			}
			continue
		}
		jobs++
		if m["msg"] == "job ended" && (m["rows"] == nil || m["seconds"] == nil || m["status"] == nil) {
			t.Errorf("rows, seconds or status are missing in %s", line)
		}
	}
	if jobs == 0 {
		t.Error("no line is about a job")
	}
}
