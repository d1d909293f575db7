package mysql

import (
	"math"
	"strconv"
	"testing"
	"time"
)

func TestParseDateIsThatOfTheCalendar(t *testing.T) {
	t.Parallel()
	first := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	for d, step := first, 1; d.Year() < 10000; d = d.AddDate(0, 0, step) {
		if step = 1; d.Year() > 410 && d.Year() < 1890 || d.Year() > 2110 {
			step = 13
		}
		days, ok := parseDate(d.AppendFormat(nil, time.DateOnly))
		if want := d.Unix() / 86400; !ok || int64(days) != want {
			t.Fatalf("%v: %d, %v, want %d", d, days, ok, want)
		}
	}
}

func TestParseTime(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"1970-01-01 00:00:00": 0, "1970-01-01 00:00:00.1": 100000, "1969-12-31 23:59:59.999999": -1, "2024-02-29 12:30:45.000010": 1709209845000010,
	} {
		if got, ok := parseTime([]byte(text)); !ok || got != want {
			t.Errorf("%q: %d, %v, want %d", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "1970-01-01", "1970-01-01 24:00:00", "1970-01-01 00:60:00", "1970-01-01 00:00:61", "1970-01-01 00:00:00.", "1970-01-01 00:00:00.1234567",
		"1970-01-01 00:00:00x", "0000-00-00 00:00:00", "1970-01-01 0a:00:00", "2023-02-29 00:00:00"} {
		if got, ok := parseTime([]byte(text)); ok {
			t.Errorf("%q is %d", text, got)
		}
	}
}

func FuzzParseTime(f *testing.F) {
	f.Add("2024-02-29 12:30:45.000010")
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := parseTime([]byte(text))
		want, err := time.Parse("2006-01-02 15:04:05.999999", text)
		if ok && (err != nil || want.UnixMicro() != got) {
			t.Errorf("%q: %d, want %v, %v", text, got, want, err)
		}
	})
}

func FuzzParseInt(f *testing.F) {
	for _, s := range []string{"", "-", "0", "-0", "00", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "18446744073709551615", "18446744073709551616", "1e5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := parseInt([]byte(text))
		want, err := strconv.ParseInt(text, 10, 64)
		if plus := len(text) > 0 && text[0] == '+'; !plus && (ok != (err == nil) || ok && got != want) {
			t.Errorf("parseInt(%q) = %d, %v, want %d, %v", text, got, ok, want, err)
		}
		u, ok := parseUint([]byte(text))
		wantU, err := strconv.ParseUint(text, 10, 64)
		if ok != (err == nil) || ok && u != wantU {
			t.Errorf("parseUint(%q) = %d, %v, want %d, %v (%d)", text, u, ok, wantU, err, uint64(math.MaxUint64))
		}
	})
}
