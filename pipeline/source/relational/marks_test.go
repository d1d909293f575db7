package relational

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/source"
)

// world is a server with transactions, each of which writes one row.
type world struct {
	txs []tx
}

type tx struct {
	start, cursor, end int64
	name               string
}

func (w world) open(at int64) []string {
	var out []string
	for _, t := range w.txs {
		if t.start <= at && at < t.end {
			out = append(out, t.name)
		}
	}
	return out
}

// highest cursor of the rows that are visible, up to a moment.
func (w world) highest(at int64) *int64 {
	var out *int64
	for _, t := range w.txs {
		if t.end <= at && t.cursor <= at && (out == nil || t.cursor > *out) {
			out = &t.cursor
		}
	}
	return out
}

// Whatever transactions do, a pass reads from low enough: every row that became visible
// since the last pass has a cursor that is not below.
func TestMarksLoseNothing(t *testing.T) {
	t.Parallel()
	most, full, passes := 0, 0, 0
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 1))
		var w world
		for i := range 60 {
			start := r.Int64N(1000)
			took := r.Int64N([]int64{2, 20, 600}[r.IntN(3)]) + 1
			w.txs = append(w.txs, tx{start, start + r.Int64N(took), start + took, fmt.Sprint("t", i)})
		}
		still := func(at int64) func([]string) []string {
			return func(names []string) []string {
				return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !slices.Contains(w.open(at), n) })
			}
		}
		// a load, with a moment before its snapshot
		a := r.Int64N(100)
		last := a + r.Int64N(50)
		before := mark{Now: a, Open: still(last)(w.open(a)), Cursor: &a}
		marks := add(add([]mark{{}}, before), mark{Cursor: w.highest(last), Now: last, Open: sorted(w.open(last))})
		for last < 1700 {
			now := last + 1 + r.Int64N(120)
			from, kept := begin(marks, still(now))
			for _, x := range w.txs {
				if last < x.end && x.end <= now && from.Cursor != nil && x.cursor < *from.Cursor {
					t.Fatalf("seed %d: pass at %d reads from %d and misses %+v; marks %+v", seed, now, *from.Cursor, x, marks)
				}
			}
			passes++
			if from.Cursor == nil {
				full++
			}
			marks, last = add(kept, mark{Cursor: w.highest(now), Now: now, Open: sorted(w.open(now))}), now
			most = max(most, len(marks))
		}
		if len(marks) != 1 {
			t.Errorf("seed %d: %d marks are left although nothing is open: %+v", seed, len(marks), marks)
		}
	}
	if most > 20 || full > passes/10 {
		t.Errorf("%d marks; %d of %d passes read all", most, full, passes)
	}
}

func TestMarksAreBounded(t *testing.T) {
	t.Parallel()
	marks := []mark{{}}
	for i := range 100 {
		open := make([]string, i)
		for j := range open {
			open[j] = fmt.Sprint(j)
		}
		marks = add(marks, mark{Now: int64(i), Open: open})
	}
	if len(marks) != mostMarks || marks[len(marks)-1].Now != 99 || len(marks[0].Open) != 0 {
		t.Errorf("%d marks from %+v to %+v", len(marks), marks[0], marks[len(marks)-1])
	}
}

func TestLow(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	at := func(text string) int64 {
		v, err := time.Parse("2006-01-02 15:04:05", text)
		if err != nil {
			t.Fatal(err)
		}
		return v.UnixMicro()
	}
	ten := overlap{Time: 10 * time.Minute, Count: 1000}
	for _, c := range []struct {
		kind   source.Kind
		cursor int64
		now    string
		want   string
	}{
		{source.Instant, at("2024-05-01 12:00:00"), "2024-05-01 12:00:00", "2024-05-01 11:50:00.000000+00"},
		{source.Timestamp, at("2024-05-01 14:00:00"), "2024-05-01 12:00:00", "2024-05-01 13:50:00.000000"},
		{source.Timestamp, at("2024-01-01 00:00:00"), "2024-05-01 12:00:00", "2023-12-31 23:50:00.000000"},
		// clocks are set from 03:00 back to 02:00 at 01:00 UTC
		{source.Timestamp, at("2024-10-27 02:55:00"), "2024-10-27 00:55:00", "2024-10-27 02:00:00.000000"},
		{source.Timestamp, at("2024-10-27 02:58:00"), "2024-10-26 22:00:00", "2024-10-26 23:50:00.000000"},
		{source.Timestamp, at("2024-10-27 02:05:00"), "2024-10-27 01:05:00", "2024-10-27 01:55:00.000000"},
		{source.Date, 19844, "2024-05-01 12:00:00", "2024-04-30"},
		{source.Int, 5000, "2024-05-01 12:00:00", "4000"},
		{source.Int, -5000, "2024-05-01 12:00:00", "-6000"},
		{source.Int, math.MinInt64 + 5, "2024-05-01 12:00:00", ""},
		{source.Uint, 10, "2024-05-01 12:00:00", ""},
		{source.Uint, -1, "2024-05-01 12:00:00", "18446744073709550615"},
		{source.Instant, -719162 * microsOfDay, "2024-05-01 12:00:00", ""},
		{source.Date, -719162, "2024-05-01 12:00:00", ""},
	} {
		m := mark{Cursor: &c.cursor, Now: at(c.now)}
		got := ""
		if low := m.low(c.kind, ten, berlin); low != nil {
			got = lowText(source.Column{Kind: c.kind}, *low)
		}
		if got != c.want {
			t.Errorf("%v %d at %s: %s, want %s", c.kind, c.cursor, c.now, got, c.want)
		}
	}
	if (mark{}).low(source.Int, ten, berlin) != nil {
		t.Error("a mark that says nothing has a low")
	}
}

// The earliest wall time is never later than what clocks show from then on.
func TestEarliestWall(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Europe/Berlin", "Australia/Lord_Howe", "America/New_York", "UTC", "Asia/Kolkata", "Pacific/Kwajalein"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(7, 7))
		for range 300 {
			now := time.Date(1969+r.IntN(60), time.Month(1+r.IntN(12)), 1+r.IntN(28), r.IntN(24), r.IntN(60), 0, 0, time.UTC)
			earliest := earliestWall(now.UnixMicro(), 10*time.Minute, zone)
			for later := now.Add(-10 * time.Minute); later.Before(now.Add(30 * time.Hour)); later = later.Add(7 * time.Minute) {
				if wall(later, zone) < earliest {
					t.Fatalf("%s, %s: a clock shows %s, before %s", name, now, time.UnixMicro(wall(later, zone)).UTC(), time.UnixMicro(earliest).UTC())
				}
			}
		}
	}
}
