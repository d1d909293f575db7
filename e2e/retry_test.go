package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/longtest"
	"github.com/mainstay-etl/mainstay/pipeline/source/dbtest"
)

// A server that is down when an extraction begins, and comes back: the job is tried again
// and says so. The doctor sees both.
func TestServerComesBack(t *testing.T) {
	t.Parallel()
	longtest.Only(t)
	s := dbtest.Private(t, dbtest.KindPostgres)
	newShop(t, s, 20, 3)
	p := newProject(t, s, [2]string{"jobs: {retries: 0}", "jobs: {retries: 30, backoff: 500ms}"})
	doctor := func() result { return mainstay(t, p.env(), p.args("doctor")...) }
	doctor().ok(t).has(t, "ok  source shop", "PostgreSQL")
	s.Kill(t)
	down := doctor()
	if down.code != 1 {
		t.Errorf("a server that is down: exit code %d, want 1", down.code)
	}
	down.has(t, "bad  source shop")
	noSecret(t, s, down)
	back := make(chan struct{})
	go func() {
		defer close(back)
		time.Sleep(2 * time.Second)
		s.Start(t)
	}()
	r := p.extract(t, 0)
	<-back
	if r.ok(t); !strings.Contains(r.stderr, "is tried again") {
		t.Errorf("nothing says that it was tried again: %s", r.stderr)
	}
	for line := range strings.Lines(r.stderr) {
		if strings.Contains(line, "is tried again") && !containsAll(line, " job=extract_shop ", " night=") {
			t.Errorf("no night or job in %s", line)
		}
	}
	noSecret(t, s, r)
	p.holds(t, 0, "after the server came back")
}
