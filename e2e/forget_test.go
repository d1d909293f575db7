package e2e

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mainstay-etl/mainstay/longtest"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/fault"
)

// traces looks for a customer below a data directory by means of its own: the bytes of
// every file, and every row of every Parquet file as text.
func traces(t *testing.T, data, customer string) []string {
	t.Helper()
	s, err := duck.Open(t.Context(), duck.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var found []string
	err = filepath.WalkDir(data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if bytes.Contains(text, []byte(customer)) {
			found = append(found, path)
		}
		if !strings.HasSuffix(path, ".parquet") {
			return nil
		}
		var n int64
		if err := s.Scan(t.Context(), fmt.Sprintf("SELECT count(*) FROM %s AS t WHERE contains(CAST(t AS VARCHAR), %s)", duck.ReadParquet([]string{path}), duck.Quote(customer)), &n); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if n > 0 {
			found = append(found, fmt.Sprintf("%s: %d rows", path, n))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// whose is a customer with orders and with a row in quarantine, or at least with orders.
func whose(t *testing.T, data string) string {
	t.Helper()
	return strings.TrimSpace(query(t, data, "SELECT customer_id FROM customer_360 LEFT JOIN (SELECT json_extract_string(\"row\", '$.customer_id') AS customer_id, count(*) AS refused FROM quarantine GROUP BY ALL) USING (customer_id) ORDER BY refused DESC NULLS LAST, customer_id LIMIT 1"))
}

// A customer who is forgotten is nowhere any more, the account holds, repair brings nothing
// back, and neither does the next night, although the source still has the rows and brings
// another.
func TestForget(t *testing.T) {
	t.Parallel()
	longtest.Thorough(t)
	s := newCrashShop(t).project(t)
	data := s.copy(t)
	customer := whose(t, data)
	if n := len(traces(t, data, customer)); n < 20 {
		t.Fatalf("only %d files name %s", n, customer)
	}
	before := query(t, data, "SELECT count(*), sum(orders_all) FROM customer_sales WHERE customer_id <> '"+customer+"'")
	mainstay(t, nil, "forget", "--data", data, "--dry-run", customer).ok(t).has(t, "would be removed")
	if n := len(traces(t, data, customer)); n < 20 {
		t.Fatal("a dry run changed something")
	}
	if err := os.WriteFile(filepath.Join(data, "ledger.sqlite.damaged-20240101T000000"), []byte(customer), 0o644); err != nil {
		t.Fatal(err)
	}
	mainstay(t, nil, "forget", "--data", data, customer).ok(t).has(t, "nothing is left of 1 customers")
	if left := traces(t, data, customer); len(left) > 0 {
		t.Fatalf("%s is still in %v", customer, left)
	}
	if after := query(t, data, "SELECT count(*), sum(orders_all) FROM customer_sales"); after != before {
		t.Errorf("the others have %s, had %s", after, before)
	}
	mainstay(t, nil, "repair", "--data", data).ok(t).has(t, "sound")
	if err := os.Remove(filepath.Join(data, "ledger.sqlite")); err != nil {
		t.Fatal(err)
	}
	mainstay(t, nil, "repair", "--data", data).ok(t).has(t, "rebuilt from")
	if left := traces(t, data, customer); len(left) > 0 {
		t.Fatalf("after the ledger was rebuilt, %s is in %v", customer, left)
	}

	// A file that was read before is changed, so that it is read again as a whole.
	files, err := filepath.Glob(filepath.Join(s.dir, "incoming", "orders", "*.csv"))
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	known := ""
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if strings.Contains(line, ","+customer+",") {
				known = line
				// A second line of the order, and a record that cannot be taken apart.
				more := strings.Replace(line, ",1,"+customer, ",77,"+customer, 1) + `x,"` + customer + `"y,z` + "\n"
				if err := os.WriteFile(file, append(text, more...), 0o644); err != nil {
					t.Fatal(err)
				}
				break
			}
		}
		if known != "" {
			break
		}
	}
	if known == "" {
		t.Fatalf("no order of %s is left in the source", customer)
	}
	s.run(t, data).published(t)
	if left := traces(t, data, customer); len(left) > 0 {
		t.Fatalf("after the next night %s is in %v", customer, left)
	}
	if got := query(t, data, "SELECT count(*) FROM row_accounts WHERE kind = 'input' AND rows_read <> rows_stored + rows_duplicate + rows_quarantined + rows_forgotten"); got != "0" {
		t.Errorf("%s accounts do not add up", got)
	}
	if got := query(t, data, "SELECT count(*) > 0 FROM row_accounts WHERE rows_forgotten > 2 AND NOT replaced"); got != "true" {
		t.Errorf("nothing was left out: %s", query(t, data, "FROM row_accounts"))
	}
	mainstay(t, nil, "forget", "--data", data, customer).ok(t).has(t, "no row of theirs", "nothing is left of 1 customers")
	if r := mainstay(t, nil, "forget", "--data", data); r.code != 2 || !strings.Contains(r.stderr, "no customer is named") {
		t.Errorf("without a name: %d, %s", r.code, r.stderr)
	}
}

// Killed at any of its steps, forgetting goes on when it is run again, and until then
// readers are served.
func TestForgetIsKilled(t *testing.T) {
	t.Parallel()
	longtest.Thorough(t)
	s := newCrashShop(t)
	data := s.copy(t)
	customer, list := whose(t, data), filepath.Join(t.TempDir(), "points")
	mainstay(t, []string{fault.Variable + "=count:" + list}, "forget", "--data", data, customer).ok(t)
	text, err := os.ReadFile(list)
	if err != nil {
		t.Fatal(err)
	}
	points := strings.Split(strings.TrimSpace(string(text)), "\n")
	seen := map[string]bool{}
	for i, point := range points {
		if seen[point] || !strings.HasPrefix(point, "forgetting") {
			continue
		}
		seen[point] = true
		data := s.copy(t)
		c := exec.Command(binary, "forget", "--data", data, customer)
		c.Env = append(os.Environ(), fmt.Sprintf("%s=kill:%d", fault.Variable, i+1))
		_ = c.Run()
		if status, ok := c.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() {
			t.Fatalf("at point %d, %s, it was not killed", i+1, point)
		}
		query(t, data, "SELECT count(*) FROM customer_360")
		mainstay(t, nil, "forget", "--data", data, customer).ok(t).has(t, "nothing is left of 1 customers")
		if left := traces(t, data, customer); len(left) > 0 {
			t.Errorf("killed after %q: %s is in %v", point, customer, left)
		}
		mainstay(t, nil, "repair", "--data", data).ok(t).has(t, "sound")
	}
	if len(seen) < 7 {
		t.Errorf("only %d kinds of points are passed: %v", len(seen), points)
	}
}
