package shop

import (
	"bytes"
	"encoding/csv"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
	"time"
)

// writeMaster writes the master data of consecutive spans, cut at the given days.
func writeMaster(t *testing.T, cfg Config, cuts ...time.Time) (map[string][]byte, MasterSummary) {
	t.Helper()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var sum MasterSummary // of the last span
	for i := 1; i < len(cuts); i++ {
		if sum, err = s.WriteMaster(t.Context(), dir, cuts[i-1], cuts[i]); err != nil {
			t.Fatal(err)
		}
	}
	return files(t, dir), sum
}

// newest reads a table's files in the order of their names and keeps the newest row of
// each key, which is the first n columns.
func newest(t *testing.T, all map[string][]byte, table string, n int) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if path.Dir(name) != table {
			continue
		}
		rows, err := csv.NewReader(bytes.NewReader(all[name])).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows[1:] {
			if r[0] != "" {
				out[strings.Join(r[:n], "|")] = r
			}
		}
	}
	return out
}

func TestMasterIsDeterministicAndApart(t *testing.T) {
	t.Parallel()
	cfg := small()
	first, _ := writeMaster(t, cfg, cfg.Start, cfg.End)
	again, _ := writeMaster(t, cfg, cfg.Start, cfg.End)
	requireSame(t, again, first)
	// Writing it in between changes nothing in the days.
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	dir, middle := t.TempDir(), cfg.Start.AddDate(0, 0, 60)
	for _, span := range [][2]time.Time{{cfg.Start, middle}, {middle, cfg.End}} {
		if _, err := s.WriteDays(t.Context(), dir, span[0], span[1], nil); err != nil {
			t.Fatal(err)
		}
		if _, err := s.WriteMaster(t.Context(), t.TempDir(), span[0], span[1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.WriteTruth(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	plain := t.TempDir()
	if s, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	for _, span := range [][2]time.Time{{cfg.Start, middle}, {middle, cfg.End}} {
		if _, err := s.WriteDays(t.Context(), plain, span[0], span[1], nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.WriteTruth(t.Context(), plain); err != nil {
		t.Fatal(err)
	}
	requireSame(t, files(t, dir), files(t, plain))
}

// Spans fit together: the newest rows are those of one span.
func TestMasterInSpans(t *testing.T) {
	t.Parallel()
	cfg := small()
	whole, sum := writeMaster(t, cfg, cfg.Start, cfg.End)
	parts, _ := writeMaster(t, cfg, cfg.Start, cfg.Start.AddDate(0, 0, 50), cfg.Start.AddDate(0, 0, 51), cfg.End)
	for _, table := range []struct {
		name string
		key  int
		rows int64
	}{{"customers", 2, sum.Customers.Valid}, {"products", 2, sum.Products.Valid}, {"payments", 1, sum.Payments.Valid}} {
		one, many := newest(t, whole, table.name, table.key), newest(t, parts, table.name, table.key)
		if int64(len(one)) != table.rows || len(one) < 50 {
			t.Errorf("%s: %d keys for %d valid rows", table.name, len(one), table.rows)
		}
		if !maps.EqualFunc(one, many, slices.Equal) {
			t.Errorf("%s: %d newest rows of one span, %d of three, or other ones", table.name, len(one), len(many))
		}
	}
}

// till adds up orders.
type till struct {
	shop    *Shop
	amounts map[string]int64 // by order
}

func (c till) OrderLine(l *OrderLine) error {
	id := string(c.shop.appendOrder(nil, l.Day, l.Customer, l.Number))
	c.amounts[id] += l.Quantity*l.Price - l.Discount
	return nil
}
func (till) Interaction(*Interaction) error { return nil }

// An invoice is of an order of the shop, asks what its lines come to, and tells no payment
// that is still to come.
func TestPaymentsAreOfOrders(t *testing.T) {
	t.Parallel()
	cfg := small()
	cfg.DirtShare = 0
	until := cfg.Start.AddDate(0, 0, 90)
	early, _ := writeMaster(t, cfg, cfg.Start, until)
	late, _ := writeMaster(t, cfg, cfg.Start, cfg.End)
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	amounts := map[string]int64{}
	if _, err := s.Record(t.Context(), till{s, amounts}, nil); err != nil {
		t.Fatal(err)
	}
	paidLater := 0
	since := newest(t, late, "payments", 1)
	for id, r := range newest(t, early, "payments", 1) {
		if got, want := r[5], string(appendMoney(nil, amounts[r[2]])); got != want {
			t.Errorf("%s asks %s for %s of %s", id, got, r[2], want)
		}
		if r[6] != "" && r[6] >= until.Format(time.DateOnly) {
			t.Errorf("%s tells a payment to come: %v", id, r)
		}
		if now := since[id]; r[6] == "" && now[6] != "" {
			paidLater++
		}
	}
	if paidLater == 0 {
		t.Error("no invoice that was open is paid later")
	}
}

func TestMasterRefusesOtherDays(t *testing.T) {
	t.Parallel()
	s, err := New(small())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.WriteMaster(t.Context(), t.TempDir(), small().Start.AddDate(0, 0, -1), small().End); err == nil || !strings.Contains(err.Error(), "is not a part of the shop's time") {
		t.Errorf("got %v", err)
	}
}
