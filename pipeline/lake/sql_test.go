package lake

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/contract"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
)

var update = flag.Bool("update", false, "write the golden files anew")

// The SQL that judges landed rows and the SQL that reads the lake, as text: a change to
// either is to be seen.
func TestGoldenSQL(t *testing.T) {
	t.Parallel()
	at := time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC)
	files := []ledger.LakeFile{
		{Path: "lake/orders/day=2024-02-28/b000001-orders-0000.parquet", MinEvent: at.AddDate(0, 0, -2), MaxEvent: at.AddDate(0, 0, -1)},
		{Path: "lake/orders/day=2024-03-02/b000001-orders-0001.parquet", MinEvent: at.AddDate(0, 0, 1), MaxEvent: at.AddDate(0, 0, 2)},
	}
	plain := &Table{Table: contract.Orders, Files: files, dir: "/data"}
	repeated := &Table{Table: contract.Orders, Files: files, dir: "/data", Repeated: true, Replaced: []int64{3, 7}}
	payments := &Table{Table: contract.Payments, Files: files, dir: "/data"}
	landed := []duck.Column{{Name: "_input", Type: "BIGINT"}, {Name: "Order_ID", Type: "VARCHAR"}, {Name: "customer_id", Type: "VARCHAR"}, {Name: "ordered_at", Type: "VARCHAR"},
		{Name: "product_id", Type: "VARCHAR"}, {Name: "quantity", Type: "VARCHAR"}, {Name: "unit_price", Type: "DOUBLE"}, {Name: "colour", Type: "VARCHAR"}, {Name: "_file", Type: "VARCHAR"}, {Name: "_row", Type: "BIGINT"}}
	for name, got := range map[string]string{
		"judge.sql":             judgeSQL(contract.Orders, landed, false, false, ""),
		"select.sql":            plain.Select(Window{To: at}, "Europe/London"),
		"select_future.sql":     plain.Select(Window{From: at, To: at.AddDate(0, 0, 90)}, "Europe/London"),
		"select_repeated.sql":   repeated.Select(Window{}, "Europe/London"),
		"select_before_all.sql": plain.Select(Window{To: at.AddDate(-1, 0, 0)}, "Europe/London"),
		"select_empty_lake.sql": (&Table{Table: contract.Orders}).Select(Window{To: at}, "Europe/London"),
		"select_later.sql":      payments.Select(Window{To: at}, "Europe/London"),
	} {
		path := filepath.Join("testdata", name)
		if *update {
			if err := os.MkdirAll("testdata", 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(got+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got+"\n" != string(want) {
			t.Errorf("%s differs (go test -update writes it anew):\n%s", name, got)
		}
	}
}
