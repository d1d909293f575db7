package e2e

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestDemo(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "demo")
	r := mainstay(t, nil, "demo", "--dir", dir, "--customers", "150", "--nights", "2").published(t)
	r.has(t, "Night 2025-01-01 is published", "Night 2025-01-02 is published", "Rows accounted for", "beside the best simple rule",
		"Ten customers most likely to leave", "(raises the risk)", "Best cross-sell offers", "Where it is", "Three queries to try")
	data := filepath.Join(dir, "data")
	if got := query(t, data, "SELECT count(*) FROM nights"); got != "2" {
		t.Errorf("nights: %s, want 2", got)
	}
	// The queries that the demo prints work.
	tries := 0
	for _, line := range strings.Split(r.stdout, "\n") {
		if sql := strings.TrimSpace(line); strings.HasPrefix(sql, "SELECT ") {
			tries++
			query(t, data, sql)
		}
	}
	if tries != 3 {
		t.Errorf("%d queries to try, want 3", tries)
	}
	// Whoever queries can write nothing.
	ledger := filepath.Join(data, "ledger.sqlite")
	for _, sql := range []string{"COPY (SELECT 1) TO '" + ledger + "' (FORMAT csv)", "ATTACH '" + ledger + ".other'", "CREATE TABLE t AS SELECT 1", "DELETE FROM churn_scores", "SELECT * FROM read_csv('" + ledger + "')"} {
		if r := mainstay(t, nil, "query", "--data", data, sql); r.code != 1 {
			t.Errorf("%s: exit code %d, want 1: %s", sql, r.code, r.stdout)
		}
	}
	mainstay(t, nil, "nights", "--data", data).ok(t).has(t, "2025-01-01", "published")
	mainstay(t, nil, "nights", "show", "1", "--data", data).ok(t).has(t, "churn_model", "0 failing")
	mainstay(t, nil, "jobs", "--project", dir).ok(t).has(t, "customer_features", "churn_scores")
	mainstay(t, nil, "check", "--project", dir).ok(t).has(t, "0 of them new")
	mainstay(t, nil, "schedule", "--project", dir, "--next", "2").ok(t).has(t, "night ")
}

func TestInitGenerateRun(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "shop")
	initProject(t, dir)
	if r := mainstay(t, nil, "init", dir); r.code != 2 {
		t.Errorf("init over a project: exit code %d, want 2", r.code)
	}
	if r := mainstay(t, nil, "check", "--project", dir); r.code != 2 || !strings.Contains(r.stderr, "no file matches") {
		t.Errorf("check without files: exit code %d, %s", r.code, r.stderr)
	}
	if r := mainstay(t, nil, "run", "--project", dir, "--as-of", "2024-01-01"); r.code != 1 || !strings.Contains(r.stderr, "the lake holds no orders") {
		t.Errorf("run without files: exit code %d, %s", r.code, r.stderr)
	}
	mainstay(t, nil, "generate", "--dir", filepath.Join(dir, "incoming"), "--customers", "100", "--start", "2023-01-01", "--end", "2023-12-01").ok(t)
	mainstay(t, nil, "run", "--project", dir, "--as-of", "2023-12-01").published(t).has(t, "Night 2023-12-01 is published")
	if got := query(t, filepath.Join(dir, "data"), "SELECT count(*) > 0 FROM churn_scores"); got != "true" {
		t.Errorf("scores: %s", got)
	}
}
