package pipeline

import (
	"strings"
	"testing"
	"time"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func day(t *testing.T, s string) Day {
	t.Helper()
	d, err := ParseDay(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestParseDay(t *testing.T) {
	t.Parallel()
	if d := day(t, "2024-02-29"); d.String() != "2024-02-29" || d.IsZero() || d.AddDays(1).String() != "2024-03-01" || !d.Before(d.AddDays(1)) || d.Before(d) {
		t.Errorf("got %s", d)
	}
	if !(Day{}).IsZero() {
		t.Error("the zero day is not zero")
	}
	for _, bad := range []string{"", "nonsense", "2024-2-9", "2023-02-29", "2024-01-01T00:00:00Z", "01.02.2024"} {
		if _, err := ParseDay(bad); err == nil || !strings.Contains(err.Error(), "expected YYYY-MM-DD") {
			t.Errorf("%q: got %v", bad, err)
		}
	}
}

func TestStart(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ zone, day, want string }{
		{"UTC", "2024-03-01", "2024-03-01T00:00:00Z"},
		{"Europe/Berlin", "2024-03-31", "2024-03-31T00:00:00+01:00"},
		{"Asia/Kolkata", "2024-03-01", "2024-03-01T00:00:00+05:30"},
		// Midnight does not exist.
		{"America/Sao_Paulo", "2018-11-04", "2018-11-04T01:00:00-02:00"},
		{"America/Sao_Paulo", "2018-11-05", "2018-11-05T00:00:00-02:00"},
		{"Asia/Beirut", "2024-03-31", "2024-03-31T01:00:00+03:00"},
		{"Africa/Cairo", "2024-04-26", "2024-04-26T01:00:00+03:00"},
		{"America/Havana", "2018-03-11", "2018-03-11T01:00:00-04:00"},
		// Midnight comes twice.
		{"Asia/Amman", "2018-10-26", "2018-10-26T00:00:00+03:00"},
		{"America/Havana", "2018-11-04", "2018-11-04T00:00:00-04:00"},
		{"Atlantic/Azores", "2018-10-28", "2018-10-28T00:00:00Z"},
		// The evening before comes twice.
		{"America/Sao_Paulo", "2018-02-18", "2018-02-18T00:00:00-03:00"},
		// The day does not exist.
		{"Pacific/Apia", "2011-12-30", "2011-12-31T00:00:00+14:00"},
	} {
		z := zone(t, c.zone)
		got := day(t, c.day).Start(z)
		if s := got.Format(time.RFC3339); s != c.want {
			t.Errorf("%s %s: got %s, want %s", c.zone, c.day, s, c.want)
		}
		if before := DayOf(got.Add(-time.Microsecond), z); !before.Before(day(t, c.day)) {
			t.Errorf("%s %s: the moment before its start is in %s", c.zone, c.day, before)
		}
	}
}

// Every moment is in the day whose start is the last before it.
func TestStartAndDayOfAgree(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"America/Sao_Paulo", "Asia/Beirut", "Asia/Amman", "America/Havana", "Africa/Cairo", "Australia/Lord_Howe", "Asia/Kathmandu", "Europe/London", "Atlantic/Azores"} {
		z := zone(t, name)
		for d := day(t, "2015-01-01"); d.Before(day(t, "2025-01-01")); d = d.AddDays(1) {
			start := d.Start(z)
			if DayOf(start, z) != d || DayOf(start.Add(-time.Second), z) != d.AddDays(-1) {
				t.Fatalf("%s: %s starts at %s, which is in %s after %s", name, d, start, DayOf(start, z), DayOf(start.Add(-time.Second), z))
			}
		}
	}
}

func TestMonths(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ from, to, want string }{
		{"2024-01-01", "2024-03-01", "2024-01-01 2024-02-01 2024-03-01"},
		{"2024-01-02", "2024-02-29", "2024-02-01"},
		{"2023-11-15", "2024-02-15", "2023-12-01 2024-01-01 2024-02-01"},
		{"2024-01-02", "2024-01-31", ""},
		{"2024-03-01", "2024-02-01", ""},
	} {
		var got []string
		for _, d := range Months(day(t, c.from), day(t, c.to)) {
			got = append(got, d.String())
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s to %s: got %q, want %q", c.from, c.to, s, c.want)
		}
	}
}
