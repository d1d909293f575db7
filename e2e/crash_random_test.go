package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/longtest"
)

// A night that is killed at a random moment, in SQLite, in DuckDB or anywhere else, leaves
// the night before readable, and the next run gives what a night without the kill gives.
// Two hundred nights are killed.
func TestKilledAtRandomMoments(t *testing.T) {
	t.Parallel()
	longtest.Thorough(t)
	s := newCrashShop(t)
	from := time.Now()
	s.run(t, s.copy(t)).published(t)
	whole := time.Since(from)
	const kills = 200
	dice := rand.New(rand.NewPCG(7, 7))
	t.Run("kills", func(t *testing.T) {
		for n := range kills {
			after := time.Duration(dice.Float64() * float64(whole))
			t.Run(fmt.Sprint(n), func(t *testing.T) {
				t.Parallel()
				data, when := s.copy(t), fmt.Sprintf("killed after %v", after)
				if !kill(t, after, "run", "--project", s.dir, "--data", data, "--as-of", crashNight) {
					t.Skipf("the night had ended after %v", after)
				}
				s.readable(t, data, when)
				s.recovers(t, data, when)
			})
		}
	})
}

// A disk that is full at any stage of a night: the error says which disk and what to do,
// the night before stays, and with space the next night is what it is without.
func TestNightOnAFullDisk(t *testing.T) {
	t.Parallel()
	longtest.Only(t)
	s := newCrashShop(t)
	p := &project{data: filepath.Join(t.TempDir(), "data")}
	p.smallDisk(t)
	p.resize(t, 1<<20)
	copyTree(t, s.base+"/.", p.data)
	used, full, growth := p.used(t), 0, 3.0
	if thorough {
		growth = 1.25
	}
	for space := 24.0; ; space *= growth {
		if space > 1<<20 {
			t.Fatal("the night never fits")
		}
		p.resize(t, max(used+int(space), p.used(t)+4))
		r := s.run(t, p.data)
		when := fmt.Sprintf("with %.0f KB of space", space)
		s.readable(t, p.data, when)
		if r.code == 0 || r.code == 4 {
			break
		}
		full++
		r.saysFull(t, p.data, when)
	}
	t.Logf("the disk was full %d times", full)
	if full < 4 {
		t.Errorf("the disk was full %d times only: the test shows little", full)
	}
	s.recovers(t, p.data, "after a full disk")
}

func (r result) saysFull(t *testing.T, data, when string) {
	t.Helper()
	if r.code != 1 || !containsAll(r.stderr, "the disk of "+data+" is full", "mainstay gc --data "+data) {
		t.Errorf("%s: exit code %d, want 1, which disk is full and what to do: %s", when, r.code, r.stderr)
	}
}

// flip changes one bit in the middle of a file, in all of its names.
func flip(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, info.Size()/2); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 1
	if _, err := f.WriteAt(b, info.Size()/2); err != nil {
		t.Fatal(err)
	}
}
