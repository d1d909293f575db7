package jobs_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// remove removes a file of the project, if it is there.
func (b *testBundle) remove(name string) {
	b.t.Helper()
	if err := os.Remove(filepath.Join(b.dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		b.t.Fatal(err)
	}
}

const (
	gateCustomers = "SELECT customer_id, 1 AS gate FROM population"
	gatePairs     = "SELECT customer_id, category, 1 AS gate_2 FROM cross_sell_pairs"
	gateOne       = "key: [customer_id]\ncolumns: {customer_id: {meaning: A.}, gate: {meaning: B.}}\nchecks:\n  - "
	gateTwo       = "key: [customer_id, category]\ncolumns: {customer_id: {meaning: A.}, category: {meaning: C.}, gate_2: {meaning: B.}}\nchecks:\n  - "
)

// A check that fails holds the night back, in whatever layer: where the table is made or,
// of a mart, in the audit.
func TestChecksAreGates(t *testing.T) {
	t.Parallel()
	b := setup(t, 30)
	for _, tt := range []struct{ name, sql, yml, want string }{
		{"staging/gate", gateCustomers, gateOne + "range: {column: gate, min: 2}", `sql/staging/gate.yml: check "range: gate" fails`},
		{"features/gate", gateCustomers, gateOne + "range: {column: gate, min: 2}", `sql/features/gate.yml: check "range: gate" fails`},
		{"features/gate", gatePairs, gateTwo + "accepted_values: {column: gate_2, values: [2]}", `sql/features/gate.yml: check "accepted values: gate_2" fails`},
		{"marts/gate", gateCustomers, gateOne + "not_null: [gate]\n  - expression: {name: no_gate, sql: gate > 1}", "gate: expression: no_gate"},
		{"features/gate", gateCustomers, strings.Replace(gateOne, "key: [customer_id]\n", "", 1) + "range: {column: gate, min: 2, severity: warn}", "expected key: [customer_id] or key: [customer_id, category]"},
	} {
		b.write("sql/"+tt.name+".sql", tt.sql)
		b.write("sql/"+tt.name+".yml", tt.yml+"\n")
		b.write("sql/features/reader.sql", "SELECT customer_id, 1 AS reader FROM population")
		if strings.HasPrefix(tt.name, "staging/") { // what nothing reads is not made
			b.write("sql/features/reader.sql", "SELECT customer_id, gate AS reader FROM gate")
		}
		p, err := b.load()
		if err == nil {
			_, err = b.runProject(p, "2023-04-15")
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.yml, err, tt.want)
		}
		b.remove("sql/" + tt.name + ".sql")
		b.remove("sql/" + tt.name + ".yml")
	}
}

// A check that warns is published and told, by the night that makes the table and by the
// one that finds it made.
func TestChecksThatWarn(t *testing.T) {
	t.Parallel()
	b := setup(t, 30)
	for name, text := range map[string]string{
		"features/gate.sql":       gateCustomers,
		"features/gate.yml":       gateOne + "range: {column: gate, min: 2, severity: warn}\n  - range: {column: gate, max: 1, severity: warn}\n",
		"features/pairs_gate.sql": gatePairs,
		"features/pairs_gate.yml": gateTwo + "accepted_values: {column: gate_2, values: [2], severity: warn}\n",
		"marts/mart_gate.sql":     gateCustomers,
		"marts/mart_gate.yml":     gateOne + "expression: {name: no_gate, sql: gate > 1, severity: warn}\n  - not_null: [gate]\n",
	} {
		b.write("sql/"+name, text)
	}
	for _, night := range []string{"made", "reused"} {
		warnings := strings.Join(b.mustRun("2023-04-15", "").Warnings, "\n")
		for _, want := range []string{"customer_features: range: gate", "customer_category_features: accepted values: gate_2", "mart_gate: expression: no_gate"} {
			if strings.Count(warnings, want) != 1 {
				t.Errorf("%s: got warnings %q, want %q once", night, warnings, want)
			}
		}
	}
}
