package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/longtest"
)

// A data directory is restored as docs/operations says, from what it says is enough.
func TestRestore(t *testing.T) {
	t.Parallel()
	longtest.Only(t)
	s := newCrashShop(t)
	backup := s.copy(t)
	for _, name := range []string{"ledger.sqlite", "ledger.sqlite-journal", "warehouse.duckdb", "snapshots", "results"} {
		if err := os.RemoveAll(filepath.Join(backup, name)); err != nil {
			t.Fatal(err)
		}
	}
	r := mainstay(t, nil, "repair", "--data", backup)
	if r.code != 1 || !containsAll(r.stderr, "0 of the lake, 1 of what is published") || !strings.Contains(r.stdout, "rebuilt from redo/") {
		t.Errorf("repair without a warehouse: exit code %d\n%s\n%s", r.code, r.stdout, r.stderr)
	}
	mainstay(t, nil, "nights", "--data", backup).ok(t).has(t, crashBefore)
	mainstay(t, nil, "publish", "rollback", crashBefore, "--data", backup).ok(t)
	s.readable(t, backup, "after a restore")
	mainstay(t, nil, "repair", "--data", backup).ok(t).has(t, "ledger   sound\n")
	if thorough {
		s.recovers(t, backup, "after a restore")
	}
}
