package notify

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/config"
	"github.com/mainstay-etl/mainstay/pipeline/post"
)

// newNotifier has no patience.
func newNotifier(c config.Notify) *Notifier {
	if c.Timeout == 0 {
		c.Timeout = config.Duration(20 * time.Second)
	}
	n := New(c)
	n.policy = post.Policy{Tries: 4, Pause: time.Millisecond, Each: 5 * time.Second}
	return n
}

// failed is what a failed night says.
func failed() Message {
	at := time.Date(2024, 3, 2, 2, 0, 0, 0, time.UTC)
	end, since := at.Add(192*time.Second), at.AddDate(0, 0, -1)
	return Message{Project: "shop", AsOf: "2024-03-02", Night: 12, Status: "failed", ExitCode: 1, Job: "orders", Error: "job orders: the disk is full <&>",
		StartedAt: &at, FinishedAt: &end, Seconds: 192, Published: &Published{AsOf: "2024-02-29", Night: 10, At: since.AddDate(0, 0, -1)},
		FailingSince: &since, FailedAttempts: 2, Runbook: "https://wiki.example.com/runbook#exit-1", Host: "etl1", Data: "/srv/shop/data", Program: "0.1.0"}
}

// hook is a real HTTP server that keeps what it gets.
type hook struct {
	url  string
	mu   sync.Mutex
	got  []request
	fail int // so many requests are refused for now
}

type request struct{ method, path, body, auth string }

func newHook(t *testing.T) *hook {
	t.Helper()
	h := &hook{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.fail > 0 {
			h.fail--
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		h.got = append(h.got, request{r.Method, r.URL.RequestURI(), string(body), r.Header.Get("Authorization")})
	}))
	t.Cleanup(s.Close)
	h.url = s.URL
	return h
}

func (h *hook) taken() []request {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := h.got
	h.got = nil
	return out
}

func TestWebhook(t *testing.T) {
	t.Parallel()
	h := newHook(t)
	h.fail = 2
	n := newNotifier(config.Notify{Channels: []config.Channel{{Name: "hook", Type: config.ChannelWebhook, On: []config.Event{config.OnFailure}, URL: config.Address(h.url + "/in"), Token: "t0ken"}}})
	got := n.Tell(t.Context(), failed(), Failure)
	if want := []Delivery{{"hook", Failure, 3, nil}}; !reflect.DeepEqual(got, want) {
		t.Fatalf("got %+v, want %+v", got, want)
	}
	taken := h.taken()
	if len(taken) != 1 || taken[0].method != "POST" || taken[0].path != "/in" || taken[0].auth != "Bearer t0ken" {
		t.Fatalf("got %+v", taken)
	}
	var m Message
	if err := json.Unmarshal([]byte(taken[0].body), &m); err != nil {
		t.Fatal(err)
	}
	want := failed()
	want.Event = Failure
	if want = want.Finish(); !reflect.DeepEqual(m, want) {
		t.Errorf("got  %+v\nwant %+v", m, want)
	}
	var fields map[string]any
	if err := json.Unmarshal([]byte(taken[0].body), &fields); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{"version": 1.0, "event": "failure", "project": "shop", "as_of": "2024-03-02", "night": 12.0, "status": "failed", "exit_code": 1.0,
		"job": "orders", "duration_seconds": 192.0, "failed_attempts": 2.0, "failing_since": "2024-03-01T02:00:00Z", "runbook": "https://wiki.example.com/runbook#exit-1"} {
		if fields[key] != want {
			t.Errorf("%s: got %v, want %v", key, fields[key], want)
		}
	}
}

func TestSlack(t *testing.T) {
	t.Parallel()
	h := newHook(t)
	n := newNotifier(config.Notify{Channels: []config.Channel{{Name: "chat", Type: config.ChannelSlack, On: []config.Event{config.OnFailure}, URL: config.Address(h.url + "/services/x")}}})
	if got := n.Tell(t.Context(), failed(), Failure); len(got) != 1 || got[0].Err != nil {
		t.Fatalf("got %+v", got)
	}
	var m struct {
		Text        string
		Attachments []struct{ Color, Text, Fallback string }
	}
	if err := json.Unmarshal([]byte(h.taken()[0].body), &m); err != nil {
		t.Fatal(err)
	}
	if m.Text != "shop: night 2024-03-02 failed" || len(m.Attachments) != 1 || m.Attachments[0].Color != "danger" || m.Attachments[0].Fallback != m.Text {
		t.Errorf("got %+v", m)
	}
	for _, want := range []string{"Error: job orders: the disk is full &lt;&amp;&gt;\n", "Readers see: night 2024-02-29, published 2024-02-29 02:00:00 UTC\n", "took 3m12s\n", "(2 attempts)\n", "What to do: https://wiki.example.com/runbook#exit-1\n", "`mainstay nights show 12`\n"} {
		if !strings.Contains(m.Attachments[0].Text, want) {
			t.Errorf("%q is not in %s", want, m.Attachments[0].Text)
		}
	}
}

// Each channel gets what it wants, and only once.
func TestWhoIsTold(t *testing.T) {
	t.Parallel()
	h := newHook(t)
	channel := func(name string, on ...config.Event) config.Channel {
		return config.Channel{Name: name, Type: config.ChannelWebhook, On: on, URL: config.Address(h.url + "/" + name)}
	}
	n := newNotifier(config.Notify{Channels: []config.Channel{
		channel("all", config.OnFailure, config.OnRecovery, config.OnWarnings), channel("bad", config.OnFailure), channel("warn", config.OnWarnings),
		{Name: "off", Type: config.ChannelSlack, On: []config.Event{config.OnFailure, config.OnWarnings}},
	}})
	for _, tt := range []struct {
		events []Event
		want   string
	}{
		{[]Event{Failure}, "all=failure bad=failure"},
		{[]Event{Warnings}, "all=warnings warn=warnings"},
		{[]Event{Recovery, Warnings}, "all=recovery warn=warnings"},
		{[]Event{Recovery}, "all=recovery"},
		{[]Event{Test}, "all=test bad=test warn=test"},
		{nil, ""},
	} {
		var got []string
		for _, d := range n.Tell(t.Context(), Message{Project: "shop", Warnings: []string{"w"}}, tt.events...) {
			if d.Err != nil {
				t.Error(d.Err)
			}
			got = append(got, d.Channel+"="+string(d.Event))
		}
		if strings.Join(got, " ") != tt.want || len(h.taken()) != len(got) {
			t.Errorf("%v: got %v, want %s", tt.events, got, tt.want)
		}
	}
	if !n.On(Warnings) || newNotifier(config.Notify{Channels: []config.Channel{{Name: "off", Type: config.ChannelSlack, On: []config.Event{config.OnFailure}}}}).On(Failure) {
		t.Error("a channel that is off wants to be told, or one that is on does not")
	}
}

func TestPing(t *testing.T) {
	t.Parallel()
	h := newHook(t)
	for _, tt := range []struct {
		name string
		ping config.Ping
		good bool
		want string
	}{
		{"good", config.Ping{URL: config.Address(h.url + "/ping/uuid?a=b")}, true, "GET /ping/uuid?a=b"},
		{"bad, not asked for", config.Ping{URL: config.Address(h.url + "/ping")}, false, ""},
		{"bad", config.Ping{URL: config.Address(h.url + "/ping/uuid?a=b"), Fail: true}, false, "GET /ping/uuid/fail?a=b"},
		{"none", config.Ping{Fail: true}, true, ""},
	} {
		got := newNotifier(config.Notify{Ping: tt.ping}).Ping(t.Context(), tt.good)
		var asked string
		for _, r := range h.taken() {
			asked += r.method + " " + r.path
		}
		if asked != tt.want || len(got) != min(len(tt.want), 1) || len(got) > 0 && got[0].Err != nil {
			t.Errorf("%s: asked %q, want %q: %+v", tt.name, asked, tt.want, got)
		}
	}
	got := newNotifier(config.Notify{Ping: config.Ping{URL: "http://127.0.0.1:1/s3cret-uuid"}}).Ping(t.Context(), true)
	if len(got) != 1 || got[0].Err == nil || got[0].Channel != "ping" || strings.Contains(got[0].Err.Error(), "s3cret") {
		t.Errorf("got %+v", got)
	}
}

// One channel that hangs does not hold up the others, and does not hang for ever.
func TestChannelThatHangs(t *testing.T) {
	t.Parallel()
	h := newHook(t)
	stop := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-stop }))
	t.Cleanup(silent.Close)
	t.Cleanup(func() { close(stop) })
	on := []config.Event{config.OnFailure}
	n := newNotifier(config.Notify{Timeout: config.Duration(300 * time.Millisecond), Channels: []config.Channel{
		{Name: "silent", Type: config.ChannelWebhook, On: on, URL: config.Address(silent.URL)}, {Name: "fine", Type: config.ChannelWebhook, On: on, URL: config.Address(h.url)},
	}})
	from := time.Now()
	got := n.Tell(t.Context(), failed(), Failure)
	if took := time.Since(from); took > 3*time.Second || got[0].Err == nil || got[1].Err != nil {
		t.Errorf("after %v: %+v", took, got)
	}
}

func TestTitles(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		m    Message
		want string
	}{
		{Message{Event: Failure, Status: "failed", AsOf: "2024-03-02"}, "shop: night 2024-03-02 failed"},
		{Message{Event: Failure, Status: "interrupted", AsOf: "2024-03-02"}, "shop: night 2024-03-02 was stopped"},
		{Message{Event: Failure, Status: "died", AsOf: "2024-03-02"}, "shop: night 2024-03-02 died"},
		{Message{Event: Failure, Status: "not_started"}, "shop: night could not start"},
		{Message{Event: Recovery, AsOf: "2024-03-02"}, "shop: night 2024-03-02 is published, nights are well again"},
		{Message{Event: Warnings, AsOf: "2024-03-02", Warnings: []string{"a"}}, "shop: night 2024-03-02 is published, with 1 warning"},
		{Message{Event: Warnings, AsOf: "2024-03-02", Warnings: []string{"a", "b"}}, "shop: night 2024-03-02 is published, with 2 warnings"},
		{Message{Event: Test}, "shop: a test message of mainstay"},
	} {
		tt.m.Project = "shop"
		if got := tt.m.Finish(); got.Title != tt.want || !strings.HasPrefix(got.Text, tt.want+"\n") {
			t.Errorf("got %q, want %q", got.Title, tt.want)
		}
	}
	long := Message{Event: Failure, Error: strings.Repeat("ü", 9000)}.Finish()
	if len(long.Error) > 4100 || !strings.HasSuffix(long.Error, "ü ...") {
		t.Errorf("a long error has %d bytes: ...%q", len(long.Error), long.Error[len(long.Error)-20:])
	}
}
