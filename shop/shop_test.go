package shop

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// small is a shop that is generated in a moment, with a change of the clocks
// and months that are cut at both ends.
func small() Config {
	c := Default()
	c.Customers = 250
	c.Start, c.End = time.Date(2024, 1, 20, 0, 0, 0, 0, time.UTC), time.Date(2024, 6, 11, 0, 0, 0, 0, time.UTC)
	c.TimeZone = "Europe/Berlin"
	c.DirtShare = .02
	return c
}

func generate(t *testing.T, cfg Config) (string, Summary) {
	t.Helper()
	dir := t.TempDir()
	sum, err := Generate(t.Context(), cfg, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	return dir, sum
}

// files reads all files below dir.
func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		out[filepath.ToSlash(name)], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// requireSame fails unless got and want hold the same files.
func requireSame(t *testing.T, got, want map[string][]byte) {
	t.Helper()
	if g, w := slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)); !slices.Equal(g, w) {
		t.Fatalf("files %v\nwant  %v", g, w)
	}
	for name := range want {
		if !bytes.Equal(got[name], want[name]) {
			t.Errorf("%s differs", name)
		}
	}
}

func TestSameSeedSameBytes(t *testing.T) {
	t.Parallel()
	for _, format := range []Format{CSV, Parquet} {
		cfg := small()
		cfg.Format = format
		one, first := generate(t, cfg)
		two, second := generate(t, cfg)
		requireSame(t, files(t, two), files(t, one))
		if first != second {
			t.Errorf("summaries differ: %+v, %+v", first, second)
		}
		cfg.Seed++
		other, _ := generate(t, cfg)
		a, b := files(t, one), files(t, other)
		for name := range a {
			if bytes.Equal(a[name], b[name]) {
				t.Errorf("%s is the same with another seed", name)
			}
		}
	}
}

func TestDayByDayEqualsAtOnce(t *testing.T) {
	t.Parallel()
	for _, format := range []Format{CSV, Parquet} {
		cfg := small()
		cfg.Format, cfg.FilePer = format, Day
		dir, whole := generate(t, cfg)
		want := files(t, dir)

		s, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		byDay := t.TempDir()
		var rows, orders int64
		for day := cfg.Start; day.Before(cfg.End); day = day.AddDate(0, 0, 1) {
			sum, err := s.WriteDays(t.Context(), byDay, day, day.AddDate(0, 0, 1), nil)
			if err != nil {
				t.Fatal(err)
			}
			rows += sum.OrderLines.Rows + sum.Interactions.Rows
			orders += sum.Orders
		}
		if err := s.WriteTruth(t.Context(), byDay); err != nil {
			t.Fatal(err)
		}
		requireSame(t, files(t, byDay), want)
		if rows != whole.OrderLines.Rows+whole.Interactions.Rows || orders != whole.Orders {
			t.Errorf("by day %d rows, %d orders; at once %+v", rows, orders, whole)
		}
	}
}

func TestResumedAndRepeated(t *testing.T) {
	t.Parallel()
	cfg := small()
	cfg.FilePer = Day
	dir, _ := generate(t, cfg)
	want := files(t, dir)
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	write := func(from, to int) {
		t.Helper()
		if _, err := s.WriteDays(t.Context(), out, cfg.Start.AddDate(0, 0, from), cfg.Start.AddDate(0, 0, to), nil); err != nil {
			t.Fatal(err)
		}
	}
	write(60, 70) // not from the start
	write(20, 30) // backwards
	if err := s.WriteTruth(t.Context(), out); err != nil {
		t.Fatal(err)
	}
	write(29, 31) // after the truth, one day again
	ctx, cancel := context.WithCancel(t.Context())
	_, err = s.WriteDays(ctx, out, cfg.Start.AddDate(0, 0, 40), cfg.End, func(p Progress) {
		if p.Done == 3 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want canceled", err)
	}
	write(43, 45)
	got := files(t, out)
	if n := 2 * (10 + 11 + 5); len(got) != n+2 {
		t.Errorf("%d files, want %d and the truth", len(got), n)
	}
	for name, b := range got {
		if !bytes.Equal(b, want[name]) {
			t.Errorf("%s differs", name)
		}
	}
}

func TestMonthsAndDays(t *testing.T) {
	t.Parallel()
	cfg := small()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	history := time.Date(2024, 4, 3, 0, 0, 0, 0, time.UTC)
	if _, err := s.WriteDays(t.Context(), dir, cfg.Start, history, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.WriteDays(t.Context(), dir, history, history.AddDate(0, 0, 1), nil); err != nil {
		t.Fatal(err)
	}
	var names []string
	for name := range files(t, filepath.Join(dir, "orders")) {
		names = append(names, name)
	}
	slices.Sort(names)
	want := []string{"2024-01.csv", "2024-02.csv", "2024-03.csv", "2024-04-01.csv", "2024-04-02.csv", "2024-04-03.csv"}
	if !slices.Equal(names, want) {
		t.Errorf("got %v, want %v", names, want)
	}
	_, err = s.WriteDays(t.Context(), dir, cfg.Start, cfg.End, nil)
	if err == nil || !strings.Contains(err.Error(), "2024-04-01.csv holds some of them already") {
		t.Errorf("bundling days that are there: got %v", err)
	}
	_, err = s.WriteDays(t.Context(), dir, cfg.Start, cfg.Start.AddDate(0, 0, 2), nil)
	if err == nil || !strings.Contains(err.Error(), "2024-01.csv holds some of them already") {
		t.Errorf("days of a bundle that is there: got %v", err)
	}

	daily := cfg
	daily.FilePer = Day
	byDay, _ := generate(t, daily)
	requireConcatenated(t, filepath.Join(dir, "orders", "2024-02.csv"), filepath.Join(byDay, "orders", "2024-02-*.csv"))
}

// requireConcatenated checks that a month is its days without their headers.
func requireConcatenated(t *testing.T, month, days string) {
	t.Helper()
	var want []byte
	names, _ := filepath.Glob(days)
	for i, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			_, b, _ = bytes.Cut(b, []byte("\n"))
		}
		want = append(want, b...)
	}
	got, err := os.ReadFile(month)
	if err != nil {
		t.Fatal(err)
	}
	if len(names) == 0 || !bytes.Equal(got, want) {
		t.Errorf("%s is not its %d days", month, len(names))
	}
}

func TestOutsideOfTheShopsTime(t *testing.T) {
	t.Parallel()
	cfg := small()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range [][2]int{{-1, 5}, {5, 5}, {6, 5}, {100, 1000}} {
		_, err := s.WriteDays(t.Context(), t.TempDir(), cfg.Start.AddDate(0, 0, r[0]), cfg.Start.AddDate(0, 0, r[1]), nil)
		if err == nil || !strings.Contains(err.Error(), "is not a part of the shop's time") {
			t.Errorf("days %v: got %v", r, err)
		}
	}
}

func TestCancelLeavesNoDraft(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Generate(ctx, small(), dir, func(p Progress) {
		if p.Done == 20 { // within the second month
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want canceled", err)
	}
	got := slices.Sorted(maps.Keys(files(t, dir)))
	if want := []string{"interactions/2024-01.csv", "orders/2024-01.csv"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestGzip(t *testing.T) {
	t.Parallel()
	plain, _ := generate(t, small())
	cfg := small()
	cfg.Gzip = true
	zipped, sum := generate(t, cfg)
	got, bytesOnDisk := map[string][]byte{}, int64(0)
	for name, b := range files(t, zipped) {
		r, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if got[strings.TrimSuffix(name, ".gz")], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(name, truthFolder) {
			bytesOnDisk += int64(len(b))
		}
	}
	requireSame(t, got, files(t, plain))
	if sum.Bytes != bytesOnDisk {
		t.Errorf("summary says %d bytes, disk %d", sum.Bytes, bytesOnDisk)
	}
}

func TestOrdersAreMet(t *testing.T) {
	t.Parallel()
	for _, want := range []int{3000, 30000} {
		cfg := small()
		cfg.Customers, cfg.Orders = 1000, want
		s, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		var c counter
		s.populate(cfg.Customers, 1)
		for day := range s.days {
			if err := s.liveDay(day, &c); err != nil {
				t.Fatal(err)
			}
		}
		if c.orders < want*9/10 || c.orders > want*11/10 {
			t.Errorf("%d orders, want about %d", c.orders, want)
		}
	}
}

// Ten times the orders of the same customers must not take more memory. Not
// parallel: it looks at the whole heap.
func TestMemoryDoesNotGrowWithOrders(t *testing.T) {
	peak := func(orders int, format Format) (top uint64) {
		cfg := small()
		cfg.Customers, cfg.Orders, cfg.Format = 400, orders, format
		cfg.End = cfg.Start.AddDate(0, 3, 0)
		runtime.GC()
		var before, m runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Generate(t.Context(), cfg, t.TempDir(), func(p Progress) {
			if p.Done%15 != 0 {
				return
			}
			runtime.GC()
			runtime.ReadMemStats(&m)
			if m.HeapAlloc > before.HeapAlloc {
				top = max(top, m.HeapAlloc-before.HeapAlloc)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		return top
	}
	few, many := peak(3000, CSV), peak(30000, CSV)
	if many > few+1<<20 {
		t.Errorf("CSV: %d KB for 3,000 orders, %d KB for 30,000", few>>10, many>>10)
	}
	// Parquet holds a row group of 65,536 rows, whatever the orders.
	if many := peak(30000, Parquet); many > 64<<20 {
		t.Errorf("Parquet: %d KB for 30,000 orders", many>>10)
	}
}
