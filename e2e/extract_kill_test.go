package e2e

import (
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/source/dbtest"
)

// An extraction that is killed at any moment, again and again, loses nothing and takes
// nothing twice: the next undisturbed one makes the lake what it is without kills.
func TestKilledExtraction(t *testing.T) {
	onServers(t, func(t *testing.T, kind dbtest.Kind) {
		s := dbtest.Of(t, kind)
		attempts := 4
		if thorough {
			attempts = 50
		}
		newShop(t, s, 300, 8)
		twin, p := newProject(t, s), newProject(t, s)
		k := killer{project: p, dice: rand.New(rand.NewPCG(7, uint64(len(kind)))), whole: twin.timed(t, 0)}
		n := 0
		for k.before+k.between < attempts {
			if n == 0 && k.before+k.between >= attempts/2 { // the first load has had its share
				p.extract(t, n).ok(t)
				p.holds(t, n, "after kills of the first load")
				k.ended = true
			}
			if k.ended {
				n++
				live(t, s, n)
				k.whole, k.ended = twin.timed(t, n), false
			}
			k.strike(t, n)
		}
		t.Logf("%d killed: %d before anything was committed, %d between commits; %d had ended", k.before+k.between, k.before, k.between, k.late)
		p.collectGarbage(t)
		n++
		live(t, s, n)
		p.extract(t, n).ok(t)
		twin.extract(t, n).ok(t)
		p.holds(t, n, "after the kills")
		sameRows(t, "beside an extraction without kills", p.content(t), twin.content(t))
		p.loadedOnce(t)
	})
}

func (p *project) timed(t *testing.T, n int) time.Duration {
	t.Helper()
	start := time.Now()
	p.extract(t, n).ok(t)
	return time.Since(start)
}

// killer kills extractions and counts what it hit.
type killer struct {
	*project
	dice  *rand.Rand
	whole time.Duration // of an extraction that is not killed
	ended bool          // the last one had ended before

	before, between, late int
}

// strike starts an extraction and kills it at a random time, or right after some file
// of the lake appeared, which is just before or after a commit.
func (k *killer) strike(t *testing.T, n int) {
	t.Helper()
	committed := k.commits(t)
	c := exec.Command(binary, k.args("extract", "--as-of", day(n).Format(time.DateOnly))...)
	c.Env = append(c.Environ(), k.env()...)
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	var over atomic.Bool
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	how := fmt.Sprintf("after %v", k.after(&over, c.Process.Kill))
	err := c.Wait()
	over.Store(true)
	if status, ok := c.ProcessState.Sys().(syscall.WaitStatus); err != nil && (!ok || !status.Signaled()) {
		t.Fatalf("the extraction failed by itself: %v\n%s", err, out.String())
	}
	switch now := k.commits(t); {
	case err == nil:
		k.late++
		k.ended = true
	case now == committed:
		k.before++
	default:
		k.between++
	}
	if k.commits(t) > 0 {
		k.project.whole(t, how)
		k.content(t)
	}
}

// after arranges the kill and says when it will be.
func (k *killer) after(over *atomic.Bool, kill func() error) string {
	if k.dice.IntN(3) == 0 {
		wait := time.Duration(k.dice.Float64() * float64(k.whole))
		time.AfterFunc(wait, func() { _ = kill() })
		return wait.String()
	}
	files, wait := 1+k.dice.IntN(6), time.Duration(k.dice.IntN(12)*k.dice.IntN(12))*time.Millisecond
	seen := k.lakeFiles()
	go func() {
		for !over.Load() {
			if k.lakeFiles() >= seen+files {
				time.Sleep(wait)
				_ = kill()
				return
			}
			time.Sleep(time.Millisecond)
		}
	}()
	return fmt.Sprintf("%d new lake files and %v", files, wait)
}

// lakeFiles counts the files of the lake, committed or not.
func (k *killer) lakeFiles() (n int) {
	_ = filepath.WalkDir(filepath.Join(k.data, "lake"), func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			n++
		}
		return nil
	})
	return n
}

// commits counts what was committed so far.
func (p *project) commits(t *testing.T) int64 {
	t.Helper()
	if found, _ := filepath.Glob(filepath.Join(p.data, "ledger.sqlite")); len(found) == 0 {
		return 0
	}
	l := p.ledger(t)
	next, _, err := l.NextIDs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return next - 1
}

// Two extractions on one data directory: the second one is told who holds it, and the
// first one ends well. Two projects may read one source at the same time.
func TestTwoExtractions(t *testing.T) {
	onServers(t, func(t *testing.T, kind dbtest.Kind) {
		s := dbtest.Of(t, kind)
		newShop(t, s, 150, 6)
		first, other := newProject(t, s), newProject(t, s)
		second := &project{server: s, dir: first.dir, data: first.data, address: s.URL}
		g := first.through(t)
		reached, release := make(chan struct{}), make(chan struct{})
		g.when(1_000_000, func() { close(reached); <-release })
		ended := make(chan result, 1)
		go func() { ended <- first.extract(t, 0) }()
		select {
		case <-reached:
		case r := <-ended:
			t.Fatalf("the first extraction ended before it was in the middle: %s%s", r.stdout, r.stderr)
		}
		r := second.extract(t, 0)
		if r.code != 3 || !strings.Contains(r.stderr, "process") || !strings.Contains(r.stderr, "2024-05-01") {
			t.Errorf("exit code %d, want 3 and who holds the directory: %s", r.code, r.stderr)
		}
		t.Log(r.stderr)
		if r := mainstay(t, nil, "gc", "--data", first.data); r.code != 3 {
			t.Errorf("gc beside an extraction: exit code %d, want 3: %s", r.code, r.stderr)
		}
		other.extract(t, 0).ok(t)
		other.holds(t, 0, "another project meanwhile")
		close(release)
		(<-ended).ok(t)
		first.holds(t, 0, "the first extraction")
		sameRows(t, "two projects", first.content(t), other.content(t))
	})
}

// An extraction that is asked to stop in the middle ends soon and says so, and the next
// one ends well.
func TestInterruptedExtraction(t *testing.T) {
	onServers(t, func(t *testing.T, kind dbtest.Kind) {
		s := dbtest.Of(t, kind)
		newShop(t, s, 150, 6)
		p := newProject(t, s)
		g := p.through(t)
		c := exec.Command(binary, p.args("extract", "--as-of", day(0).Format(time.DateOnly))...)
		c.Env = append(c.Environ(), p.env()...)
		var out bytes.Buffer
		c.Stdout, c.Stderr = &out, &out
		reached, release := make(chan struct{}), make(chan struct{})
		g.when(400_000, func() { close(reached); <-release })
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		<-reached
		asked := time.Now()
		if err := c.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		err := c.Wait()
		close(release)
		if took := time.Since(asked); err == nil || c.ProcessState.ExitCode() != 5 || !strings.Contains(out.String(), "interrupted") || took > 20*time.Second {
			t.Errorf("%v after %v, want exit code 5 and that it was interrupted: %s", err, took, out.String())
		}
		p.extract(t, 0).ok(t)
		p.holds(t, 0, "after an interruption")
		p.loadedOnce(t)
	})
}
