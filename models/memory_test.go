package models

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// wideFile writes a file like a feature table: a key, flags, counts, days, shares
// and money, a tenth of some missing.
func wideFile(tb testing.TB, rows, columns int) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "wide.parquet")
	mixed := func(i, j int) float64 {
		z := uint64(i)*0x9e3779b97f4a7c15 + uint64(j)*0xbf58476d1ce4e5b9
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		return float64((z^z>>27)>>11) * 0x1p-53
	}
	out := []OutColumn{{Name: "customer_id", Text: func(i int) (string, bool) { return fmt.Sprintf("customer-%08d", i), true }}}
	for j := range columns {
		name := fmt.Sprintf("f%02d", j)
		switch j % 5 {
		case 0:
			out = append(out, OutColumn{Name: name, Int: func(i int) (int32, bool) { return int32(2 * mixed(i, j)), true }})
		case 1:
			out = append(out, OutColumn{Name: name, Int: func(i int) (int32, bool) { return int32(60 * mixed(i, j) * mixed(i, -j)), true }})
		case 2:
			out = append(out, OutColumn{Name: name, Float: func(i int) (float64, bool) {
				v := math.Floor(900 * mixed(i, j))
				return v, v > 90
			}})
		case 3:
			out = append(out, OutColumn{Name: name, Float: func(i int) (float64, bool) { return mixed(i, j), i%10 != 0 }})
		case 4:
			out = append(out, OutColumn{Name: name, Float: func(i int) (float64, bool) { return math.Floor(1e6*mixed(i, j)) / 100, true }})
		}
	}
	if err := WriteParquet(path, rows, out); err != nil {
		tb.Fatal(err)
	}
	return path
}

// TestReadFrameMemory reads a feature table of 80 columns in a process of its own
// and bounds the memory that its heap ever took. For the figures of a million rows:
//
//	FRAME_ROWS=1000000 go test -run TestReadFrameMemory -v ./models
func TestReadFrameMemory(t *testing.T) {
	const columns = 80
	if path := os.Getenv("FRAME_FILE"); path != "" {
		readAndTell(t, path)
		return
	}
	t.Parallel()
	rows := 100_000
	if n, err := strconv.Atoi(os.Getenv("FRAME_ROWS")); err == nil {
		rows = n
	}
	path := wideFile(t, rows, columns)
	cmd := exec.Command(os.Args[0], "-test.run=^TestReadFrameMemory$", "-test.v")
	cmd.Env = append(os.Environ(), "FRAME_FILE="+path)
	told, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("reading in another process: %v\n%s", err, told)
	}
	var kept, peak, resident int
	for line := range strings.Lines(string(told)) {
		_, _ = fmt.Sscanf(line, "MEMORY kept %d peak %d resident %d", &kept, &peak, &resident)
	}
	cells := rows * columns
	t.Logf("%d rows x %d columns: %.0f MiB kept, heap at most %.0f MiB, resident at most %.0f MiB more than before",
		rows, columns, float64(kept)/(1<<20), float64(peak)/(1<<20), float64(resident)/(1<<20))
	if kept == 0 || kept > 6*cells {
		t.Errorf("the frame keeps %d bytes for %d cells", kept, cells)
	}
	if limit := 8*cells + 48<<20; peak > limit {
		t.Errorf("the heap grew to %d bytes while reading, expected at most %d", peak, limit)
	}
}

func readAndTell(t *testing.T, path string) {
	before := residentPeak()
	f, err := ReadFrame(context.Background(), path, "customer_id")
	if err != nil {
		t.Fatal(err)
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	peak := m.HeapSys
	runtime.GC()
	runtime.ReadMemStats(&m)
	fmt.Printf("\nMEMORY kept %d peak %d resident %d\n", m.HeapAlloc, peak, residentPeak()-before)
	runtime.KeepAlive(f)
}

// residentPeak is the most that this process ever had resident; 0 where the
// kernel does not tell.
func residentPeak() int {
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		var kb int
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kb); n == 1 {
			return kb << 10
		}
	}
	return 0
}
