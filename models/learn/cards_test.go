package learn

import (
	"encoding/json"
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write the report that package card shows in its tests")

// TestReportForCards trains on a made-up shop with a champion and keeps the header, so
// that the cards in package card's golden files show a real report.
func TestReportForCards(t *testing.T) {
	t.Parallel()
	s := shop(t)
	s.customers = 800
	snapshots := s.months(t, 8)
	o := options
	o.Champion = train(t, churnTask(), snapshots[:6], only(linearOf(0.0003))).Challenger
	m := train(t, churnTask(), snapshots, o).Challenger
	got, err := json.MarshalIndent(m.Header, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	const path = "../card/testdata/header.json"
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var r Report
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var h struct {
		Report json.RawMessage `json:"report"`
	}
	if err := json.Unmarshal(want, &h); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(h.Report, &r); err != nil || len(r.Metrics) != len(m.Report.Metrics) || len(r.Against) != len(m.Report.Against) {
		t.Errorf("the kept report no longer has the shape of a report (%v); -update writes it", err)
	}
}
