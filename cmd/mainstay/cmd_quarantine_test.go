package main

import (
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/jobs"
	"github.com/mainstay-etl/mainstay/pipeline"
)

const quarantineProject = `name: shop
sources:
  - name: shop
    files: in/*.csv
    tables:
      orders: {select: "SELECT * REPLACE (QUANTITY AS quantity) FROM input"}
`

const refusedRows = `order_id,line_id,customer_id,ordered_at,product_id,quantity,unit_price
1,1,c1,2024-03-01 10:00:00,p1,1,9.99
2,1,,2024-03-01 10:00:00,p1,1,9.99
3,1,c1,2024-03-01 10:00:00,p1,"2 x",9.99
`

// quarantined makes a project with two refused rows.
func quarantined(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"mainstay.yaml": strings.ReplaceAll(quarantineProject, "QUANTITY", "quantity"), "in/1.csv": refusedRows} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p, err := jobs.Load(t.Context(), dir, "")
	if err != nil {
		t.Fatal(err)
	}
	day, err := pipeline.ParseDay("2024-03-02")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := jobs.RunExtraction(t.Context(), p, jobs.ExtractionOptions{Options: jobs.Options{AsOf: day, Watch: &watch{out: io.Discard, running: map[string]string{}}, Log: slog.New(slog.DiscardHandler)}}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// quarantine runs a command below `mainstay quarantine`.
func quarantine(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var b strings.Builder
	c := newQuarantineCommand()
	c.SetArgs(args)
	c.SetOut(&b)
	c.SetErr(&b)
	c.SilenceUsage, c.SilenceErrors = true, true
	err := c.ExecuteContext(t.Context())
	return b.String(), err
}

func TestQuarantine(t *testing.T) {
	t.Parallel()
	dir := quarantined(t)
	list, err := quarantine(t, "list", "--project", dir)
	if err != nil || !strings.Contains(list, "bad_quantity") || !strings.Contains(list, "missing_customer_id") || !strings.Contains(list, "2024-03-02") || !strings.Contains(list, "(2 rows)") {
		t.Fatalf("%v\n%s", err, list)
	}
	shown, err := quarantine(t, "show", "--project", dir, "--reason", "bad_quantity", "--as-of", "2024-03-02", "--source", "shop", "--table", "orders")
	if err != nil || !strings.Contains(shown, "2024-03-02  source shop, table orders: bad_quantity\n") || !strings.Contains(shown, "1.csv, record 3") || !strings.Contains(shown, `"quantity":"2 x"`) || !strings.Contains(shown, "(1 rows)") {
		t.Errorf("%v\n%s", err, shown)
	}
	encoded, err := quarantine(t, "show", "--data", filepath.Join(dir, "data"), "--format", "json", "-n", "1")
	var rows []map[string]any
	if err != nil || json.Unmarshal([]byte(encoded), &rows) != nil || len(rows) != 1 {
		t.Errorf("%v\n%s", err, encoded)
	}
	if none, err := quarantine(t, "show", "--project", dir, "--source", "other"); err != nil || none != "(0 rows)\n" {
		t.Errorf("%v\n%s", err, none)
	}
	mended := strings.ReplaceAll(quarantineProject, "QUANTITY", "split_part(quantity, ' ', 1)")
	if err := os.WriteFile(filepath.Join(dir, "mainstay.yaml"), []byte(mended), 0o600); err != nil {
		t.Fatal(err)
	}
	replayed, err := quarantine(t, "replay", "--project", dir)
	if err != nil || !strings.Contains(replayed, "2 refused rows tried again") {
		t.Errorf("%v\n%s", err, replayed)
	}
	list, err = quarantine(t, "list", "--project", dir, "--format", "csv")
	if err != nil || strings.Contains(list, "bad_quantity") || !strings.Contains(list, "missing_customer_id") {
		t.Errorf("after the mapping was mended: %v\n%s", err, list)
	}
}

func TestQuarantineUsage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for args, want := range map[string]string{
		"list --format xml":              `"xml" is none of csv, json, table`,
		"show --format xml":              `"xml" is none of csv, json, rows, table`,
		"show --limit -1":                "--limit: -1",
		"list --as-of today":             "--as-of",
		"list --table invoices":          `--table: "invoices" is none of orders, interactions, customers, products, payments, (unparsed)`,
		"list --reason bad_taste":        `--reason: "bad_taste" is no reason; there are bad_amount`,
		"list --data " + dir:             "no ledger in",
		"replay --project " + dir:        "mainstay.yaml",
		"show --project " + dir + " row": "",
	} {
		if _, err := quarantine(t, strings.Fields(args)...); err == nil || exitCode(err) != exitUsage || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", args, err)
		}
	}
}
