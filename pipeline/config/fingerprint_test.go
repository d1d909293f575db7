package config

import (
	"os"
	"strings"
	"testing"
)

// full is a file in which every key can be replaced in one place.
const full = `name: shop
data: ./data
time_zone: UTC
sources:
  - name: shop
    files: in/*.csv
    csv: {delimiter: ",", header: true, quote: '"', null_strings: [""]}
    tables:
      interactions: {select: SELECT 1 FROM input}
      orders: {select: SELECT 2 FROM input}
  - {name: till, files: till/*.parquet, tables: {orders: {select: SELECT 3 FROM input}}}
risk_bands: {high: 0.7, medium: 0.4}
models: {seed: 1, max_auc: 0.95}
resources: {workers: 2}
`

func TestFingerprint(t *testing.T) {
	t.Parallel()
	base := mustParse(t, full).Fingerprint()
	tests := []struct {
		name, old, new string
		same           bool
	}{
		{"comment", "name: shop\n", "name: shop # a comment\n", true},
		{"data", "./data", "/elsewhere", true},
		{"glob", "in/*.csv", "other/*.csv.gz", true},
		{"workers", "workers: 2", "workers: 4", true},
		{"memory", "workers: 2", "memory: 2GB", true},
		{"schedule", "resources:", "schedule: {cron: 0 3 * * *}\nresources:", true},
		{"a default written out", "resources:", "history: {lookback_days: 180}\nresources:", true},
		{"format written out", "    csv:", "    format: csv\n    csv:", true},
		{"from the environment", "seed: 1", `seed: "${NOT_SET:-1}"`, true},
		{"tables in another order",
			"      interactions: {select: SELECT 1 FROM input}\n      orders: {select: SELECT 2 FROM input}",
			"      orders: {select: SELECT 2 FROM input}\n      interactions: {select: SELECT 1 FROM input}", true},
		{"time zone", "time_zone: UTC", "time_zone: Europe/London", false},
		{"select", "SELECT 2", "SELECT 4", false},
		{"selects swapped between tables", "interactions: {select: SELECT 1 FROM input}\n      orders: {select: SELECT 2",
			"interactions: {select: SELECT 2 FROM input}\n      orders: {select: SELECT 1", false},
		{"null strings", `null_strings: [""]`, `null_strings: ["", NA]`, false},
		{"header", "header: true", "header: false", false},
		{"source name", "name: till", "name: tills", false},
		{"risk", "high: 0.7", "high: 0.8", false},
		{"seed", "seed: 1", "seed: 2", false},
		{"max_auc", "max_auc: 0.95", "max_auc: 0.96", false},
		{"lookback", "resources:", "history: {lookback_days: 181}\nresources:", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			changed := strings.Replace(full, tt.old, tt.new, 1)
			if changed == full {
				t.Fatal("the test changes nothing")
			}
			if got := mustParse(t, changed).Fingerprint(); (got == base) != tt.same {
				t.Errorf("same fingerprint: %t, want %t", got == base, tt.same)
			}
		})
	}
}

func TestFingerprintDoesNotDependOnSourceOrder(t *testing.T) {
	t.Parallel()
	c := mustParse(t, full)
	want := c.Fingerprint()
	c.Sources[0], c.Sources[1] = c.Sources[1], c.Sources[0]
	if got := c.Fingerprint(); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if c.Sources[0].Name != "till" {
		t.Error("Fingerprint moved the caller's sources")
	}
}

// A changed fingerprint of an unchanged file makes every project compute
// anew: this test asks whether that is meant.
func TestFingerprintIsPinned(t *testing.T) {
	t.Parallel()
	const golden = "testdata/fingerprint.golden"
	got := mustParse(t, full).Fingerprint() + "\n"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got %swant %s", got, want)
	}
}

func TestEveryKeyIsDocumented(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range Keys() {
		if !strings.Contains(string(doc), "| `"+key+"` |") {
			t.Errorf("docs/configuration.md has no row for `%s`", key)
		}
	}
}
