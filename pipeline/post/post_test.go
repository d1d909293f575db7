package post

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// quick is a policy for tests.
var quick = Policy{Tries: 4, Pause: time.Millisecond, Each: 200 * time.Millisecond}

// server answers with the codes given, one after the other, the last one for ever.
func server(t *testing.T, answer func(n int, w http.ResponseWriter, r *http.Request)) (address string, asked *atomic.Int32) {
	t.Helper()
	asked = new(atomic.Int32)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answer(int(asked.Add(1)), w, r) }))
	t.Cleanup(s.Close)
	return s.URL, asked
}

func TestDeliver(t *testing.T) {
	t.Parallel()
	code := func(codes ...int) func(int, http.ResponseWriter, *http.Request) {
		return func(n int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(codes[min(n, len(codes))-1]) }
	}
	for _, tt := range []struct {
		name   string
		answer func(int, http.ResponseWriter, *http.Request)
		tries  int
		want   string
	}{
		{"at once", code(200), 1, ""},
		{"no content", code(204), 1, ""},
		{"after two failures", code(500, 503, 200), 3, ""},
		{"too many requests", code(429, 200), 2, ""},
		{"never", code(502), 4, "it answered 502 Bad Gateway"},
		{"refused for good", code(404, 200), 1, "it answered 404 Not Found"},
		{"moved: a redirect is not followed", func(_ int, w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		}, 1, "it answered 302 Found"},
		{"silence", func(_ int, _ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		}, 4, "deadline exceeded"},
		{"cut off", func(_ int, w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }, 4, "EOF"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			address, asked := server(t, tt.answer)
			tries, err := Deliver(t.Context(), quick, Target{URL: address + "/T000/s3cretpath"}, "text/plain", []byte("x"))
			if tries != tt.tries || int(asked.Load()) != tt.tries {
				t.Errorf("%d tries, asked %d times, want %d", tries, asked.Load(), tt.tries)
			}
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestRetryAfterAndDeadline(t *testing.T) {
	t.Parallel()
	address, asked := server(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	from := time.Now()
	tries, err := Deliver(ctx, quick, Target{URL: address}, "", nil)
	if tries != 1 || asked.Load() != 1 || err == nil || !strings.Contains(err.Error(), "no time left") || time.Since(from) > 5*time.Second {
		t.Errorf("%d tries in %v, %v: an hour does not fit in ten seconds", tries, time.Since(from), err)
	}
}

func TestWhatIsSent(t *testing.T) {
	t.Parallel()
	var method, auth, kind, body string
	address, _ := server(t, func(_ int, _ http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		method, auth, kind, body = r.Method, r.Header.Get("Authorization"), r.Header.Get("Content-Type"), string(text)
	})
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	to := Target{URLFile: file("url", address+"/hook\nmore\n"), TokenFile: file("token", " t0ken \n")}
	if err := Send(t.Context(), to, "application/json", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	if method != "POST" || auth != "Bearer t0ken" || kind != "application/json" || body != "{}" {
		t.Errorf("got %s %q %q %q", method, auth, kind, body)
	}
	if err := Send(t.Context(), Target{URL: address}, "", nil); err != nil || method != "GET" || auth != "" {
		t.Errorf("got %s %q, %v", method, auth, err)
	}
	for _, bad := range []Target{{URLFile: filepath.Join(dir, "gone")}, {URLFile: file("empty", "\n")}, {URL: address, TokenFile: filepath.Join(dir, "gone")}, {URL: "http://h/\x7f"}} {
		var p permanent
		if err := Send(t.Context(), bad, "", nil); !errors.As(err, &p) {
			t.Errorf("%+v: got %v, want a permanent error", bad, err)
		}
	}
}

// No error shows what is secret of an address, whatever goes wrong and whatever is
// answered.
func TestErrorsShowNoSecret(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + l.Addr().String()
	l.Close()
	echo, _ := server(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, "no "+r.URL.String()+" "+r.URL.Path+" "+r.Header.Get("Authorization")+" "+r.URL.Query().Get("key"))
	})
	for _, to := range []Target{
		{URL: closed + "/services/hunter2hunter2?key=swordfish", Token: "t0pSecret"},
		{URL: echo + "/services/hunter2hunter2?key=swordfish", Token: "t0pSecret"},
		{URL: "http://user:hunter2hunter2@no-such-host.invalid/x?key=swordfish"},
		{URL: "https://127.0.0.1:1/hunter2hunter2?key=swordfish"},
		{URL: "gopher://h/hunter2hunter2?key=swordfish"},
		{URL: "://hunter2hunter2 swordfish t0pSecret"},
	} {
		_, err := Deliver(t.Context(), Policy{Tries: 1, Each: 5 * time.Second}, to, "", nil)
		if err == nil {
			t.Fatalf("%s: no error", to.URL)
		}
		for _, secret := range []string{"hunter2", "swordfish", "t0pSecret"} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("a secret shows: %v", err)
			}
		}
	}
}

func TestToldToStop(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	tries, err := Policy{Tries: 9, Pause: time.Hour, Each: time.Second}.Retry(ctx, func(context.Context) error { cancel(); return errors.New("no") })
	if tries != 1 || err == nil || !strings.Contains(err.Error(), "told to stop") {
		t.Errorf("%d tries, %v", tries, err)
	}
}
