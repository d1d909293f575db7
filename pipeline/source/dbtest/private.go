package dbtest

import (
	_ "embed"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

//go:embed servers.sh
var script []byte

// private is a server that one test alone uses.
type private struct{ dir string }

// Private starts a server of the test's own, which the test may stop, kill and start
// again. It keeps its port, password and data. It takes a second or two, and is
// skipped like the shared servers.
func Private(t testing.TB, kind Kind) *Server {
	t.Helper()
	address(t, kind)
	// Not t.TempDir: the server has an account of its own, which must get there.
	dir, err := os.MkdirTemp("", "dbtest")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "servers.sh"), script, 0o700); err != nil {
		t.Fatal(err)
	}
	p := &private{dir: dir}
	t.Cleanup(func() {
		p.control(t, "kill", kind)
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	s := fresh(t, kind, started(t, p.control(t, "start", kind), kind), filepath.Join(dir, "ca.pem"))
	s.private = p
	return s
}

// control runs servers.sh and gives what it prints.
func (p *private) control(t testing.TB, action string, kind Kind) string {
	t.Helper()
	c := exec.Command("bash", filepath.Join(p.dir, "servers.sh"), action, p.dir, string(kind))
	var log strings.Builder
	c.Stderr = &log
	out, err := c.Output()
	if err != nil {
		t.Fatalf("servers.sh %s: %v\n%s", action, err, log.String())
	}
	return string(out)
}

// started finds the address in what servers.sh prints.
func started(t testing.TB, printed string, kind Kind) string {
	t.Helper()
	variable := "export " + postgresVariable + "='"
	if kind == KindMySQL {
		variable = "export " + mysqlVariable + "='"
	}
	for line := range strings.Lines(printed) {
		if rest, ok := strings.CutPrefix(line, variable); ok {
			address, _, _ := strings.Cut(rest, "'")
			return address
		}
	}
	t.Fatal("servers.sh printed no address")
	return ""
}

// Start starts a private server that was stopped or killed, and waits until it is ready.
func (s *Server) Start(t testing.TB) { s.control(t, "start") }

// Stop ends a private server in an orderly way; its sessions are cut.
func (s *Server) Stop(t testing.TB) { s.control(t, "stop") }

// Kill ends a private server at once, as a power cut would.
func (s *Server) Kill(t testing.TB) { s.control(t, "kill") }

// Restart kills a private server and starts it again.
func (s *Server) Restart(t testing.TB) {
	s.Kill(t)
	s.Start(t)
}

func (s *Server) control(t testing.TB, action string) {
	t.Helper()
	if s.private == nil {
		t.Fatalf("%s: the server is shared with other tests; use Private", action)
	}
	s.private.control(t, action, s.Kind)
}
