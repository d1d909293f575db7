package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const testProject = `name: shop
time_zone: Europe/London
history: {lookback_days: 30}
sources:
  - name: shop
    type: files
    files: ./incoming/*.csv
    tables:
      orders: {select: SELECT * FROM input}
`

// fewOrders is a model of a project; cases hold its rule.
const fewOrders = `SELECT customer_id, COUNT(*) AS orders FROM customer_orders
WHERE ordered_at >= days_ago(lookback_days()) GROUP BY customer_id`

const fewOrdersCase = `# The border of the lookback window belongs to it.
model: few_orders
as_of: 2024-03-31

-- given orders
order_id,line_id,customer_id,ordered_at,product_id,quantity,unit_price
o1,1,c1,2024-03-01 00:00:00,p,1,1
o2,1,c1,2024-02-29 23:59:59,p,1,1
o3,1,c1,2024-03-31 00:00:00,p,1,1
o4,1,c2,2024-03-30T23:30:00+01:00,p,1,1

-- expect
customer_id,orders
c1,1
c2,1
`

// testCommand runs `mainstay test` on a project with the given files below sql/.
func testCommand(t *testing.T, files map[string]string, args ...string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	if files != nil {
		files["../mainstay.yaml"] = testProject
		files["marts/few_orders.sql"] = fewOrders
	}
	for name, text := range files {
		path := filepath.Join(dir, "sql", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := newTestCommand()
	var out bytes.Buffer
	c.SetArgs(append([]string{"--project", dir}, args...))
	c.SetOut(&out)
	c.SetErr(&out)
	c.SilenceUsage, c.SilenceErrors = true, true
	err := c.ExecuteContext(t.Context())
	return strings.ReplaceAll(out.String(), filepath.ToSlash(dir)+"/", ""), err
}

func TestUnitTests(t *testing.T) {
	t.Parallel()
	text, err := testCommand(t, map[string]string{"tests/few_orders_border.test": fewOrdersCase})
	if err != nil || text != "ok   few_orders_border\n1 case, 0 failed\n" {
		t.Errorf("%v\n%s", err, text)
	}
	wrong := strings.Replace(strings.Replace(fewOrdersCase, "c1,1\nc2,1", "c1,2\nc3,1", 1), "as_of: 2024-03-31", "as_of: 2024-03-31\nlookback_days: 31\ntime_zone: UTC", 1)
	text, err = testCommand(t, map[string]string{"tests/few_orders_border.test": fewOrdersCase, "tests/few_orders_wrong.test": wrong}, "few_orders_w*")
	want := `FAIL few_orders_wrong (sql/tests/few_orders_wrong.test:14)
     row 2: customer_id: expected c3, got c2
1 case, 1 failed
`
	if err == nil || exitCode(err) != exitFailed || text != want {
		t.Errorf("%v\n got %s\nwant %s", err, text, want)
	}
	keyed := map[string]string{"tests/few_orders_wrong.test": wrong, "marts/few_orders.yml": "key: [customer_id]\ncolumns: {customer_id: {meaning: The customer.}}\n"}
	want = `FAIL few_orders_wrong (sql/tests/few_orders_wrong.test:14)
     customer_id=c3: expected, but there is no such row
     customer_id=c2: not expected: orders=1
1 case, 1 failed
`
	if text, err = testCommand(t, keyed); err == nil || text != want {
		t.Errorf("%v\n got %s\nwant %s", err, text, want)
	}
	text, err = testCommand(t, map[string]string{"tests/few_orders_border.test": fewOrdersCase}, "--json")
	var row map[string]any
	if err != nil || json.Unmarshal([]byte(text), &row) != nil || row["case"] != "few_orders_border" || row["holds"] != true {
		t.Errorf("%v\n%s", err, text)
	}
}

// A model whose SQL cannot be run fails its case; mainstay's own cases need no project.
func TestUnitTestsOfModels(t *testing.T) {
	t.Parallel()
	text, err := testCommand(t, map[string]string{"tests/a.test": strings.Replace(fewOrdersCase, "few_orders", "broken", 1), "marts/broken.sql": "SELECT nothing FROM orders"})
	if err == nil || exitCode(err) != exitFailed || !strings.Contains(text, "FAIL a (sql/tests/a.test:12)\n     sql/marts/broken.sql: ") {
		t.Errorf("%v\n%s", err, text)
	}
	text, err = testCommand(t, nil, "--builtin", "population_border", "product_categories_*")
	if err != nil || !strings.HasPrefix(text, "ok   population_border\nok   product_categories_") {
		t.Errorf("%v\n%s", err, text)
	}
	// The settings of the project are not those that the built-in cases are written for.
	text, err = testCommand(t, map[string]string{"tests/a.test": fewOrdersCase}, "--builtin", "population_border", "a")
	if err != nil || text != "ok   a\nok   population_border\n2 cases, 0 failed\n" {
		t.Errorf("%v\n%s", err, text)
	}
}

// All mistakes in all cases are told at once, and nothing is run.
func TestUnitTestsUsage(t *testing.T) {
	t.Parallel()
	alter := func(old, now string) string { return strings.Replace(fewOrdersCase, old, now, 1) }
	files := map[string]string{
		"tests/a.test": alter("model: few_orders", "model: many_orders"),
		"tests/b.test": alter("as_of", "asof"),
		"tests/c.test": alter("2024-03-31", "2024-02-30"),
		"tests/d.test": alter("as_of: 2024-03-31", "lookback_days: 0"),
		"tests/e.test": alter("-- given", "-- settings\nsources: []\n-- given"),
		"tests/f.test": alter("-- given orders", "-- given returns"),
		"tests/g.test": strings.ReplaceAll(fewOrdersCase, "few_orders", "churn_scores"),
	}
	text, err := testCommand(t, files)
	if err == nil || exitCode(err) != exitUsage || text != "" {
		t.Fatalf("%v\n%s", err, text)
	}
	for _, want := range []string{
		"sql/tests/a.test:2: there is no SQL model many_orders",
		`sql/tests/b.test:3: "asof" is no key of a case`,
		"sql/tests/c.test:1: as_of: ",
		"sql/tests/d.test:3:26: history.lookback_days: ",
		"sql/tests/e.test:6:1: sources: this decides nothing here",
		"sql/tests/f.test:5: few_orders does not read returns",
		"sql/tests/g.test:2: churn_scores needs churn_",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s is missing in\n%v", want, err)
		}
	}
	// What only the engine can tell comes when they are run, beside the results of the others.
	text, err = testCommand(t, map[string]string{
		"tests/a.test": alter("p,1,1", "p,one,1"), "tests/b.test": alter("c1,1\n", "c1,one\n"), "tests/c.test": alter("customer_id,orders\n", "customer_id,order\n"), "tests/d.test": fewOrdersCase,
	})
	if err == nil || exitCode(err) != exitUsage || err.Error() != "3 cases cannot be run as written" || !strings.Contains(text, "sql/tests/a.test:5: given orders: ") ||
		!strings.Contains(text, "sql/tests/b.test:12: expected rows: ") || !strings.Contains(text, "sql/tests/c.test:13: few_orders has no column order\n") || !strings.Contains(text, "ok   d\n") {
		t.Errorf("%v\n%s", err, text)
	}
	for args, want := range map[string]string{"few*": `there is no case "few*"`, "sql/b.test": "reading case: ", "": "there is no case: put files"} {
		var files = map[string]string{}
		if args != "" {
			files["tests/a.test"] = fewOrdersCase
		}
		if _, err := testCommand(t, files, strings.Fields(args)...); err == nil || exitCode(err) != exitUsage || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", args, err)
		}
	}
	if _, err := testCommand(t, nil); err == nil || exitCode(err) != exitUsage || !strings.Contains(err.Error(), "mainstay.yaml") {
		t.Errorf("without a project: %v", err)
	}
}
