package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/longtest"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/lake"
	"github.com/mainstay-etl/mainstay/pipeline/source/dbtest"
)

// A server that is killed while it is read, and comes back.
func TestServerKilled(t *testing.T) {
	longtest.Only(t)
	onServers(t, func(t *testing.T, kind dbtest.Kind) {
		s := dbtest.Private(t, kind)
		disturbed(t, s, func() { s.Kill(t) }, func() {
			down := newProject(t, s).extract(t, 0)
			if noSecret(t, s, down); down.code != 1 || !strings.Contains(down.stderr, "source shop") {
				t.Errorf("a server that is down: exit code %d, want 1 and which source: %s", down.code, down.stderr)
			}
			s.Start(t)
		})
	})
}

// A server that cuts all connections while it is read.
func TestConnectionsCut(t *testing.T) {
	longtest.Only(t)
	onServers(t, func(t *testing.T, kind dbtest.Kind) {
		s := dbtest.Of(t, kind)
		disturbed(t, s, func() { cut(t, s) }, func() {})
	})
}

// cut ends the connections of everybody else to a database.
func cut(t *testing.T, s *dbtest.Server) {
	if s.Kind == dbtest.KindPostgres {
		s.Exec(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
		return
	}
	c := s.Session(t)
	for _, row := range c.Query(t, "SELECT id FROM information_schema.processlist WHERE db = database() AND id <> connection_id()") {
		_ = c.Try("KILL " + row[0]) // it may have gone by itself
	}
}

// disturbed extracts a shop while a fault strikes at several moments of a first load,
// with a day between them, and of a later night. The next undisturbed extraction makes
// the lake what it is without faults.
func disturbed(t *testing.T, s *dbtest.Server, strike, mend func()) {
	t.Helper()
	newShop(t, s, 300, 8)
	twin, p := newProject(t, s), newProject(t, s)
	if s.Kind == dbtest.KindPostgres { // several connections in one snapshot
		p = newProject(t, s, limits("connections: 3"))
	}
	quiet, g := twin.through(t), p.through(t)
	days := 0
	for n, shares := range [][]float64{{0.02, 0.3, 0.2}, {0.1, 0.75}} {
		if n > 0 {
			days++
			live(t, s, days)
		}
		quiet.open()
		twin.extract(t, n).ok(t)
		whole := float64(quiet.passed.Load())
		committed := len(p.inputs(t))
		for _, share := range shares {
			struck := g.when(int64(share*whole), strike)
			r := p.extract(t, n)
			g.open()
			if !struck.Load() {
				t.Fatalf("night %d ended before %v of it passed: %s", n, share, r.stderr)
			}
			mend()
			if r.code != 1 || !strings.Contains(r.stderr, "source shop") || !strings.Contains(r.stderr, "the connection was lost") {
				t.Fatalf("night %d, fault at %v: exit code %d, want 1 and words about a lost connection:\n%s%s", n, share, r.code, r.stdout, r.stderr)
			}
			noSecret(t, s, r)
			p.whole(t, "after a fault")
			if n == 0 {
				days++
				live(t, s, days)
			}
		}
		if got := len(p.inputs(t)); got == committed {
			t.Errorf("night %d: nothing of what was read before the faults was kept", n)
		}
		p.extract(t, n).ok(t)
		p.holds(t, n, fmt.Sprintf("after the faults of night %d", n))
		p.loadedOnce(t)
	}
	sameRows(t, "beside an extraction without faults", p.content(t), twin.content(t))
	for _, name := range []string{"ledger.sqlite", "ledger.sqlite-wal"} {
		if b, err := os.ReadFile(filepath.Join(p.data, name)); err == nil {
			noSecret(t, s, result{stdout: string(b)})
		}
	}
}

// limits is the edit that sets limits of the source.
func limits(text string) [2]string {
	return [2]string{"    tables:\n", "    limits: {" + text + "}\n    tables:\n"}
}

// inputs are the names of what was committed; none before the first extraction.
func (p *project) inputs(t *testing.T) []string {
	t.Helper()
	if found, _ := filepath.Glob(filepath.Join(p.data, "ledger.sqlite")); len(found) == 0 {
		return nil
	}
	all, err := p.ledger(t).Inputs(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, in := range all {
		out = append(out, in.Name)
	}
	return out
}

// loadedOnce fails the test when a row was loaded twice: a load that was interrupted
// goes on behind what it had committed.
func (p *project) loadedOnce(t *testing.T) {
	t.Helper()
	var base []string
	for path, f := range p.manifest(t) {
		if f.Keyed && !f.Newer && f.Table != lake.QuarantineTable {
			base = append(base, filepath.Join(p.data, path))
		}
	}
	s, err := duck.Open(t.Context(), duck.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var rows, keys int64
	if err := s.Scan(t.Context(), "SELECT count(*), count(DISTINCT (filename LIKE '%/orders/%', _pk)) FROM read_parquet(["+quoted(base)+"], filename = true, union_by_name = true)", &rows, &keys); err != nil {
		t.Fatal(err)
	}
	if rows != keys || rows == 0 {
		t.Errorf("%d rows were loaded, with %d keys", rows, keys)
	}
}

func quoted(texts []string) string {
	var out []string
	for _, text := range texts {
		out = append(out, duck.Quote(text))
	}
	return strings.Join(out, ", ")
}

// noSecret fails the test when the password of a server is in what was printed or kept.
func noSecret(t *testing.T, s *dbtest.Server, r result) {
	t.Helper()
	_, rest, _ := strings.Cut(s.URL, "://")
	login, _, _ := strings.Cut(rest, "@")
	_, password, _ := strings.Cut(login, ":")
	if password != "" && strings.Contains(r.stdout+r.stderr, password) {
		t.Error("the password is in what was printed or kept")
	}
}

// A mapping that is too slow for statement_timeout is an error that says so, and once
// it is mended the extraction ends well.
func TestStatementTimeout(t *testing.T) {
	onServers(t, func(t *testing.T, kind dbtest.Kind) {
		s := dbtest.Of(t, kind)
		newShop(t, s, 20, 2)
		nap := "pg_sleep(1.5 + l.id * 0) IS NOT NULL"
		if kind == dbtest.KindMySQL {
			nap = "SLEEP(1.5 + l.id * 0) = 0"
		}
		view := func(where string) {
			s.Exec(t, "CREATE OR REPLACE VIEW slow_lines AS SELECT l.* FROM order_lines AS l WHERE "+where)
		}
		view(nap)
		slow := [2]string{"FROM order_lines l", "FROM slow_lines l"}
		p, mended := newProject(t, s, slow, limits("query_time: 1s, statement_timeout: 1s")), newProject(t, s, slow)
		start := time.Now()
		r := p.extract(t, 0)
		if r.code != 1 {
			t.Fatalf("exit code %d, want 1: %s", r.code, r.stderr)
		}
		for _, text := range []string{"source shop", "orders", "statement_timeout", "1s"} {
			if !strings.Contains(r.stderr, text) {
				t.Errorf("%q is not in the error:\n%s", text, r.stderr)
			}
		}
		t.Logf("after %v: %s", time.Since(start), r.stderr)
		noSecret(t, s, r)
		view("true")
		mended.data = p.data
		mended.extract(t, 0).ok(t)
		mended.holds(t, 0, "once the view is mended")
	})
}
