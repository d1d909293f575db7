package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/mainstay-etl/mainstay/pipeline/source/dbtest"
)

// A disk that is full at any stage of an extraction: the error says so and where, and
// with space the next extraction ends well.
func TestDiskFull(t *testing.T) {
	onServers(t, func(t *testing.T, kind dbtest.Kind) {
		if kind != dbtest.KindPostgres && !thorough {
			t.Skip("what is written does not depend on the server: one is enough unless MAINSTAY_LONG=1")
		}
		s := dbtest.Of(t, kind)
		newShop(t, s, 250, 8)
		twin, p := newProject(t, s), newProject(t, s)
		p.smallDisk(t)
		for n := range 2 {
			if n > 0 {
				live(t, s, n)
			}
			if full := p.untilItFits(t, n); full < 3 {
				t.Errorf("the disk was full %d times: the test shows little", full)
			}
			p.whole(t, "after a full disk")
			p.holds(t, n, "after a full disk")
		}
		twin.extract(t, 0).ok(t)
		sameRows(t, "beside an extraction with enough space", p.content(t), twin.content(t))
		p.collectGarbage(t)
	})
}

// untilItFits extracts the nth day with more and more space, and gives how often that
// was not enough.
func (p *project) untilItFits(t *testing.T, n int) (full int) {
	t.Helper()
	used := p.used(t)
	for space := 24; space < 100_000; space = space * 9 / 5 {
		p.resize(t, used+space)
		r := p.extract(t, n)
		if r.code == 0 {
			t.Logf("day %d: %d KB are enough", n, space)
			return full
		}
		full++
		_, said, _ := strings.Cut(r.stderr, "\nmainstay: ")
		if said == "" {
			said = r.stderr
		}
		t.Logf("day %d, %d KB: %.400s", n, space, said)
		if r.code != 1 || !strings.Contains(said, "no space left on device") && !strings.Contains(said, "No space left on device") && !strings.Contains(said, "disk is full") || strings.Contains(said, "connection") {
			t.Errorf("day %d, %d KB: exit code %d, want 1 and that the disk is full: %s", n, space, r.code, r.stderr)
		}
		if !strings.Contains(r.stderr, p.data) {
			t.Errorf("day %d, %d KB: which disk is full is not said: %s", n, space, r.stderr)
		}
	}
	t.Fatalf("day %d never fits", n)
	return full
}

// used is the kilobytes that are in use of the disk.
func (p *project) used(t *testing.T) int {
	t.Helper()
	var st syscall.Statfs_t
	if err := syscall.Statfs(p.data, &st); err != nil {
		t.Fatal(err)
	}
	return int(int64(st.Blocks-st.Bfree) * st.Bsize / 1024)
}

// smallDisk mounts a file system of its own at the data directory.
func (p *project) smallDisk(t *testing.T) {
	t.Helper()
	if err := os.Mkdir(p.data, 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=64k", "mainstay-test", p.data).CombinedOutput(); err != nil {
		t.Skipf("no file system can be mounted here (%v: %s), so a full disk was not tested: run the test as root, with the right to mount", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "-l", p.data).CombinedOutput(); err != nil {
			t.Errorf("unmounting %s: %v: %s", p.data, err, out)
		}
	})
}

// resize gives the file system a size in kilobytes.
func (p *project) resize(t *testing.T, kilobytes int) {
	t.Helper()
	if out, err := exec.Command("mount", "-o", fmt.Sprintf("remount,size=%dk", kilobytes), p.data).CombinedOutput(); err != nil {
		t.Fatalf("giving the file system more space: %v: %s", err, out)
	}
}
