package schedule

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func mustParse(t testing.TB, expr, zoneName string) Schedule {
	t.Helper()
	s, err := Parse(expr, zone(t, zoneName))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// slots lists the slots of (from, until] in RFC 3339.
func slots(s Schedule, from, until time.Time) []string {
	var out []string
	for t := s.Next(from); !t.IsZero() && !t.After(until); t = s.Next(t) {
		out = append(out, t.Format(time.RFC3339))
	}
	return out
}

func TestNext(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, expr, zone, from, until string
		want                          []string
	}{
		{"plain", "0 2 * * *", "Europe/London", "2026-01-10T12:00:00Z", "2026-01-12T12:00:00Z",
			[]string{"2026-01-11T02:00:00Z", "2026-01-12T02:00:00Z"}},
		{"a slot is after now, not at it", "0 2 * * *", "UTC", "2026-01-10T02:00:00Z", "2026-01-11T02:00:00Z",
			[]string{"2026-01-11T02:00:00Z"}},
		{"London spring: the gap is 01:00 to 02:00", "30 1 * * *", "Europe/London", "2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z",
			[]string{"2026-03-29T02:00:00+01:00", "2026-03-30T01:30:00+01:00"}},
		{"London spring at 02:00 is the end of the gap", "0 2 * * *", "Europe/London", "2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z",
			[]string{"2026-03-29T02:00:00+01:00", "2026-03-30T02:00:00+01:00"}},
		{"London autumn: 01:30 shows twice, fires once", "30 1 * * *", "Europe/London", "2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z",
			[]string{"2026-10-25T01:30:00+01:00", "2026-10-26T01:30:00Z"}},
		{"London autumn seen from inside the fold", "30 1 * * *", "Europe/London", "2026-10-25T00:45:00Z", "2026-10-26T12:00:00Z",
			[]string{"2026-10-26T01:30:00Z"}},
		{"Lord Howe spring: half an hour, 02:00 to 02:30", "0 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z", "2026-10-05T00:00:00Z",
			[]string{"2026-10-04T02:30:00+11:00", "2026-10-05T02:00:00+11:00"}},
		{"Lord Howe autumn: 01:45 shows twice", "45 1 * * *", "Australia/Lord_Howe", "2026-04-04T00:00:00Z", "2026-04-06T00:00:00Z",
			[]string{"2026-04-05T01:45:00+11:00", "2026-04-06T01:45:00+10:30"}},
		{"New York spring", "30 2 * * *", "America/New_York", "2026-03-07T12:00:00Z", "2026-03-09T12:00:00Z",
			[]string{"2026-03-08T03:00:00-04:00", "2026-03-09T02:30:00-04:00"}},
		{"Sao Paulo had no midnight", "0 0 * * *", "America/Sao_Paulo", "2018-11-03T12:00:00Z", "2018-11-05T12:00:00Z",
			[]string{"2018-11-04T01:00:00-02:00", "2018-11-05T00:00:00-02:00"}},
		{"two slots in one gap are one", "15,45 1 * * *", "Europe/London", "2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z",
			[]string{"2026-03-29T02:00:00+01:00"}},
		{"weekdays", "0 2 * * mon-fri", "UTC", "2026-01-09T12:00:00Z", "2026-01-13T12:00:00Z",
			[]string{"2026-01-12T02:00:00Z", "2026-01-13T02:00:00Z"}},
		{"leap day", "0 2 29 2 *", "UTC", "2025-01-01T00:00:00Z", "2029-01-01T00:00:00Z",
			[]string{"2028-02-29T02:00:00Z"}},
		{"a name", "@daily", "UTC", "2026-01-10T12:00:00Z", "2026-01-11T12:00:00Z",
			[]string{"2026-01-11T00:00:00Z"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			from, _ := time.Parse(time.RFC3339, tt.from)
			until, _ := time.Parse(time.RFC3339, tt.until)
			got := slots(mustParse(t, tt.expr, tt.zone), from, until)
			if strings.Join(got, " ") != strings.Join(tt.want, " ") {
				t.Errorf("got  %v\nwant %v", got, tt.want)
			}
		})
	}
}

// A daily slot comes exactly once on every local date of eight years,
// whatever the zone does.
func TestNextOncePerDay(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Europe/London", "Australia/Lord_Howe", "America/New_York", "Africa/Cairo", "Asia/Kolkata"} {
		for _, expr := range []string{"0 2 * * *", "30 1 * * *", "15 2 * * *"} {
			t.Run(name+" "+expr, func(t *testing.T) {
				t.Parallel()
				s := mustParse(t, expr, name)
				day := time.Date(2019, 1, 1, 0, 0, 0, 0, time.UTC)
				slot := s.Next(time.Date(2018, 12, 31, 12, 0, 0, 0, s.zone))
				for range 8 * 365 {
					if got := slot.Format(time.DateOnly); got != day.Format(time.DateOnly) {
						t.Fatalf("slot %s, want one on %s", slot, day.Format(time.DateOnly))
					}
					slot, day = s.Next(slot), day.AddDate(0, 0, 1)
				}
			})
		}
	}
}

// Next does not depend on the steps taken: from any moment it gives the first
// slot of the chain after that moment.
func TestNextFromAnywhere(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	s := mustParse(t, "*/20 1-2 * * *", "Europe/London")
	start := time.Date(2026, 10, 20, 0, 0, 0, 0, time.UTC)
	chain := []time.Time{s.Next(start)}
	for len(chain) < 80 {
		chain = append(chain, s.Next(chain[len(chain)-1]))
	}
	for range 500 {
		now := start.Add(time.Duration(rng.Int64N(int64(10 * 24 * time.Hour))))
		got := s.Next(now)
		for _, want := range chain {
			if want.After(now) {
				if !got.Equal(want) {
					t.Fatalf("Next(%s) = %s, want %s", now, got, want)
				}
				break
			}
		}
	}
}

func TestParseErrors(t *testing.T) {
	t.Parallel()
	tests := []struct{ expr, want string }{
		{"", "empty spec"},
		{"0 2 * *", "expected exactly 5 fields"},
		{"0 2 * * * *", "expected exactly 5 fields"},
		{"0 25 * * *", "above maximum"},
		{"TZ=UTC", "set time_zone instead"},
		{"CRON_TZ=UTC 0 2 * * *", "set time_zone instead"},
		{"@every 1h", "no fixed time of day"},
		{"@nightly", "unrecognized descriptor"},
		{"0 2 30 2 *", "never comes"},
	}
	for _, tt := range tests {
		if _, err := Parse(tt.expr, time.UTC); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Parse(%q) = %v, want an error with %q", tt.expr, err, tt.want)
		}
	}
	if _, err := Parse("0 2 * * *", nil); err == nil {
		t.Error("Parse without a zone: no error")
	}
	if got := (Schedule{}).Next(time.Unix(0, 0)); !got.IsZero() {
		t.Errorf("zero schedule fires at %s", got)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"0 2 * * *", "@daily", "TZ=UTC", "*/5 1-3,7 * jan mon", "0 0 31 2 *", "-", "@every 1h"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, expr string) {
		s, err := Parse(expr, time.UTC)
		if err != nil {
			return
		}
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		if next := s.Next(now); !next.IsZero() && !next.After(now) {
			t.Errorf("Next is %s, not after %s", next, now)
		}
	})
}
