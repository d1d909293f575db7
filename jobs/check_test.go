package jobs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/pipeline/config"
)

// Master data mapped with a constant time is warned of; a mapping that says since when
// a row holds, or that no DuckDB reads, is not.
func TestCheckWarnsOfTimelessVersions(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a.csv": "id,changed\n1,2024-01-01\n",
		config.FileName: `name: shop
sources:
  - name: crm
    type: files
    files: a.csv
    tables:
      customers: {select: "SELECT id AS customer_id, TIMESTAMP '1970-01-01' AS recorded_at FROM input"}
      products: {select: "SELECT id AS product_id, changed AS recorded_at FROM input"}
      payments: {select: "SELECT id AS payment_id, id AS customer_id, TIMESTAMP '1970-01-01' AS issued_at, 1 AS amount FROM input"}
`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p, err := LoadForExtraction(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	found, err := p.CheckSources(t.Context())
	if err != nil || len(found) != 1 || len(found[0].Tables) != 1 || found[0].Errors() != 0 {
		t.Fatalf("got %+v, %v", found, err)
	}
	table := found[0].Tables[0]
	if table.Table != "customers" || len(table.Problems) != 1 || !table.Problems[0].Warning || !strings.Contains(table.Problems[0].Suggestion, "for ever") {
		t.Errorf("got %+v", table)
	}
	p.Config.Sources[0].Tables[0].Select = "SELECT id AS customer_id, '1970-01-01' AS recorded_at FROM customers USE INDEX (byid)"
	if found, err = p.CheckSources(t.Context()); err != nil || len(found[0].Tables) != 0 {
		t.Errorf("a dialect that DuckDB does not know: got %+v, %v", found, err)
	}
}
