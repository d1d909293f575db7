package schedule

import (
	"archive/zip"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/longtest"
)

// namedZone is a zone with the names that mean it: nearly half of the names are aliases.
type namedZone struct {
	*time.Location
	names []string
}

// allZones reads every zone of the tz database that time/tzdata builds into the binary:
// it is made of this file of the Go distribution. Zones are read from it rather than from
// the machine, so that the test asks the same everywhere.
func allZones(t *testing.T) []namedZone {
	t.Helper()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	archive, err := zip.OpenReader(filepath.Join(strings.TrimSpace(string(root)), "lib", "time", "zoneinfo.zip"))
	if err != nil {
		t.Fatalf("the Go distribution has no tz database: %v", err)
	}
	defer archive.Close()
	var out []namedZone
	names, known := 0, map[string]int{}
	for _, f := range archive.File {
		if strings.HasSuffix(f.Name, "/") {
			continue
		}
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		r.Close()
		if err != nil {
			t.Fatal(err)
		}
		zone, err := time.LoadLocationFromTZData(f.Name, data)
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		names++
		if i, ok := known[string(data)]; ok {
			out[i].names = append(out[i].names, f.Name)
			continue
		}
		known[string(data)] = len(out)
		out = append(out, namedZone{zone, []string{f.Name}})
	}
	if names < 550 {
		t.Fatalf("only %d zones found", names)
	}
	return out
}

// said is a cron expression and, written out by hand, the times of day (in minutes) and
// the dates that it names.
type said struct {
	expr string
	at   []int64
	on   func(date time.Time) bool
}

func everyDay(time.Time) bool { return true }

// expressions name times around the hours at which clocks change; the first two are asked
// of everything, the others by the long test.
var expressions = []said{
	{"0 2 * * *", []int64{120}, everyDay},
	{"30 1 * * *", []int64{90}, everyDay},
	{"0 0 * * *", []int64{0}, everyDay},
	{"15 0,3 * * *", []int64{15, 195}, everyDay},
	{"59 23 * * sun", []int64{23*60 + 59}, func(d time.Time) bool { return d.Weekday() == time.Sunday }},
	{"30 2 1,29 * *", []int64{150}, func(d time.Time) bool { return d.Day() == 1 || d.Day() == 29 }},
}

// stretch is a time in which a zone's clocks run without a jump.
type stretch struct {
	from, until int64 // UTC, in seconds since 1970; until is not part of it
	offset      int64 // of the clock on the wall
}

// stretches of a zone, found by looking at its clock every three hours: two jumps
// lie days apart.
func stretches(zone *time.Location, from, until int64) []stretch {
	offset := func(at int64) int64 { _, o := time.Unix(at, 0).In(zone).Zone(); return int64(o) }
	out := []stretch{{from: from, offset: offset(from)}}
	const step = 3 * 3600
	for at := from; at < until; at += step {
		if offset(at+step) == out[len(out)-1].offset {
			continue
		}
		low, high := at, at+step // the jump is in (low, high]
		for high-low > 1 {
			if mid := (low + high) / 2; offset(mid) == offset(low) {
				low = mid
			} else {
				high = mid
			}
		}
		out[len(out)-1].until = high
		out = append(out, stretch{from: high, offset: offset(high)})
	}
	out[len(out)-1].until = until
	return out
}

// around is how far beyond the time in question stretches must reach: further than any
// clock was ever put.
const around = 3 * 86400

// policy states when the slots in (from, until] are to be run, without a line of the code
// that it is compared with: each time that is named is run at the first moment at which
// the clock on the wall shows it or a later time; times that fall on one moment are run
// together. So the hour that does not exist is run when it would have been over, and the
// hour that comes twice is run the first time.
func policy(s said, parts []stretch, from, until int64) []int64 {
	const day = 86400
	var out []int64
	i := 0
	for date := (from - around) / day * day; date < until+around; date += day {
		if !s.on(time.Unix(date, 0).UTC()) {
			continue
		}
		for _, minutes := range s.at {
			wall := date + minutes*60
			for i < len(parts)-1 && parts[i].until+parts[i].offset <= wall {
				i++
			}
			at := max(wall-parts[i].offset, parts[i].from)
			if at > from && at <= until && (len(out) == 0 || out[len(out)-1] != at) {
				out = append(out, at)
			}
		}
	}
	return out
}

// Ten years in every zone of the tz database: no slot is missed, none is run twice.
func TestEveryZone(t *testing.T) {
	t.Parallel()
	everyZone(t, 2016, expressions[:2])
}

func TestEveryZoneForThirtyYears(t *testing.T) {
	t.Parallel()
	longtest.Thorough(t)
	everyZone(t, 2006, expressions[:2])
	everyZone(t, 2016, expressions[2:])
	everyZone(t, 2026, expressions[:2])
}

func everyZone(t *testing.T, year int, expressions []said) {
	t.Helper()
	from := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	until := time.Date(year+10, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	var slots, jumps atomic.Int64
	zones, names := allZones(t), 0
	for _, z := range zones {
		names += len(z.names)
	}
	t.Run(fmt.Sprint(year), func(t *testing.T) {
		for part := range slices.Chunk(zones, 50) {
			t.Run(part[0].names[0], func(t *testing.T) {
				t.Parallel()
				for _, zone := range part {
					parts := stretches(zone.Location, from-around, until+around)
					jumps.Add(int64((len(parts) - 1) * len(zone.names)))
					for _, s := range expressions {
						slots.Add(int64(compare(t, s, zone, parts, from, until) * len(zone.names)))
					}
				}
			})
		}
	})
	t.Logf("%d to %d: %d zones, %d jumps of their clocks, %d slots: none missed, none doubled", year, year+10, names, jumps.Load(), slots.Load())
	if jumps.Load() < 2000 {
		t.Errorf("only %d jumps of clocks in all zones: the test shows nothing", jumps.Load())
	}
}

// compare walks along a schedule and holds it against the policy.
func compare(t *testing.T, s said, zone namedZone, parts []stretch, from, until int64) (slots int) {
	t.Helper()
	schedule, err := Parse(s.expr, zone.Location)
	if err != nil {
		t.Fatal(err)
	}
	want := policy(s, parts, from, until)
	got := make([]int64, 0, len(want))
	for at := schedule.Next(time.Unix(from, 0)); !at.IsZero() && at.Unix() <= until; at = schedule.Next(at) {
		got = append(got, at.Unix())
	}
	if slices.Equal(got, want) {
		return len(want)
	}
	show := func(at int64) string { return time.Unix(at, 0).In(zone.Location).Format(time.RFC3339) }
	for i := range max(len(got), len(want)) {
		switch {
		case i == len(got) || i < len(want) && got[i] > want[i]:
			t.Errorf("%v %s: missed %s", zone.names, s.expr, show(want[i]))
			return 0
		case i == len(want) || got[i] < want[i]:
			t.Errorf("%v %s: ran at %s, which is no slot or comes twice", zone.names, s.expr, show(got[i]))
			return 0
		}
	}
	return 0
}

// The policy itself, at the jumps that people know.
func TestPolicy(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		zone, day string
		minutes   int64
		want      string
	}{
		{"Europe/London", "2026-03-29", 90, "2026-03-29T02:00:00+01:00"},
		{"Europe/London", "2026-10-25", 90, "2026-10-25T01:30:00+01:00"},
		{"America/New_York", "2026-03-08", 150, "2026-03-08T03:00:00-04:00"},
		{"Australia/Lord_Howe", "2026-04-05", 105, "2026-04-05T01:45:00+11:00"},
		{"America/Sao_Paulo", "2018-11-04", 0, "2018-11-04T01:00:00-02:00"},
		{"Pacific/Apia", "2011-12-30", 120, "2011-12-31T00:00:00+14:00"}, // a day that was left out
	} {
		want, err := time.Parse(time.RFC3339, tt.want)
		if err != nil {
			t.Fatal(err)
		}
		s := said{at: []int64{tt.minutes}, on: func(d time.Time) bool { return d.Format(time.DateOnly) == tt.day }}
		from, until := want.Unix()-86400, want.Unix()+86400
		got := policy(s, stretches(zone(t, tt.zone), from-around, until+around), from, until)
		if len(got) != 1 || got[0] != want.Unix() {
			t.Errorf("%s on %s: got %v, want %d", tt.zone, tt.day, got, want.Unix())
		}
	}
}
