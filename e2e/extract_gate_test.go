package e2e

import (
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
)

// gate is a way to a server on which a test sees what passes and can hold it: it knows
// when a reader is in the middle.
type gate struct {
	listener net.Listener
	server   string // host:port
	passed   atomic.Int64

	mu   sync.Mutex
	at   int64
	then func()
}

// through puts a gate between a project and its server.
func (p *project) through(t *testing.T) *gate {
	t.Helper()
	u, err := url.Parse(p.server.URL)
	if err != nil {
		t.Fatal("the address of the server is no URL")
	}
	g := &gate{server: u.Host}
	if g.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.listener.Close() })
	go func() {
		for {
			c, err := g.listener.Accept()
			if err != nil {
				return
			}
			go g.carry(c)
		}
	}()
	u.Host = g.listener.Addr().String()
	p.address = u.String()
	return g
}

// when runs f once, when n bytes have come from the server, counted from now, and tells
// whether it did. What the reader waits for comes after f has returned.
func (g *gate) when(n int64, f func()) (did *atomic.Bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	did = new(atomic.Bool)
	g.passed.Store(0)
	g.at, g.then = n, func() { did.Store(true); f() }
	return did
}

// open forgets what was to be done, waits for what is being done, and counts anew.
func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.passed.Store(0)
	g.then = nil
}

func (g *gate) carry(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", g.server)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		buffer := make([]byte, 16<<10)
		for {
			n, err := client.Read(buffer)
			if n > 0 {
				_, _ = server.Write(buffer[:n])
			}
			if err != nil {
				server.Close()
				return
			}
		}
	}()
	buffer := make([]byte, 16<<10)
	for {
		n, err := server.Read(buffer)
		if n > 0 {
			g.pass(int64(n))
			if _, err := client.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// pass counts what came and holds it while a test does what it waited to do.
func (g *gate) pass(n int64) {
	passed := g.passed.Add(n)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.then != nil && passed >= g.at {
		then := g.then
		g.then = nil
		then()
	}
}
