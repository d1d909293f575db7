package ledger

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
)

// What it costs to compare a ledger with its redo log after a crash, per 100,000 rows: a
// night adds about 500.
func BenchmarkCompare(b *testing.B) {
	l, err := Open(b.Context(), b.TempDir(), nil)
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	id, err := l.Begin(b.Context(), Night{AsOf: "2024-03-01"})
	if err != nil {
		b.Fatal(err)
	}
	for n := range 200 {
		var checks []CheckResult
		for m := range 500 {
			checks = append(checks, CheckResult{Table: fmt.Sprint("table_", n), Name: fmt.Sprint("a check of a column ", m), Severity: "error", Detail: "some text"})
		}
		if err := l.RecordChecks(b.Context(), id, checks); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		h, err := readHistory(filepath.Join(filepath.Dir(l.path), RedoDir))
		if err != nil {
			b.Fatal(err)
		}
		db, err := h.database(context.Background(), filepath.Join(b.TempDir(), "made.sqlite"), h.Last)
		if err != nil {
			b.Fatal(err)
		}
		tables, err := shapes(b.Context(), db)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := rowsDigest(b.Context(), db, "check_results", tables["check_results"]); err != nil {
			b.Fatal(err)
		}
		db.Close()
	}
}
