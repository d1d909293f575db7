package main

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/jobs"
	"github.com/mainstay-etl/mainstay/pipeline/config"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
)

// The scheduler tells of nights that died, and only of those.
func TestNightsThatDied(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var told []map[string]any
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		m := map[string]any{}
		if err := json.Unmarshal(text, &m); err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		told = append(told, m)
	}))
	t.Cleanup(s.Close)
	c := config.Default()
	c.Name = "shop"
	c.Notify.Channels = []config.Channel{{Name: "hook", Type: config.ChannelWebhook, On: []config.Event{config.OnFailure}, URL: config.Address(s.URL)}}
	for _, tt := range []struct {
		name    string
		slot    ledger.Slot
		running bool
		want    float64 // the night that is told of; -1: nothing is told
	}{
		{"killed", ledger.Slot{Status: ledger.SlotFailed, ExitCode: -1, Note: "signal: killed"}, true, 1},
		{"killed before it began", ledger.Slot{Status: ledger.SlotFailed, ExitCode: -1}, false, 0},
		{"a crash of the runtime", ledger.Slot{Status: ledger.SlotFailed, ExitCode: 2}, true, 1},
		{"bad configuration, which it told by itself", ledger.Slot{Status: ledger.SlotFailed, ExitCode: 2}, false, -1},
		{"failed, which it told by itself", ledger.Slot{Status: ledger.SlotFailed, ExitCode: 1}, false, -1},
		{"done", ledger.Slot{Status: ledger.SlotDone}, false, -1},
		{"an extraction", ledger.Slot{Status: ledger.SlotFailed, ExitCode: -1, Work: ledger.WorkExtract}, false, -1},
	} {
		dir := t.TempDir()
		if tt.running {
			l, err := ledger.Open(t.Context(), dir, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := l.Begin(t.Context(), ledger.Night{AsOf: "2024-03-02"}); err != nil {
				t.Fatal(err)
			}
			l.Close()
		}
		m := &mourner{p: &jobs.Project{Config: c, DataDir: dir}, project: projectFlags{project: t.TempDir()}, log: slog.New(slog.DiscardHandler)}
		tt.slot.AsOf, tt.slot.StartedAt = "2024-03-02", time.Now().Add(-time.Minute)
		m.ended(tt.slot)
		m.wg.Wait()
		mu.Lock()
		got := told
		told = nil
		mu.Unlock()
		if tt.want < 0 {
			if len(got) != 0 {
				t.Errorf("%s: told %v", tt.name, got)
			}
			continue
		}
		if len(got) != 1 || got[0]["status"] != "died" || got[0]["title"] != "shop: night 2024-03-02 died" || got[0]["failed_attempts"] != 1.0 {
			t.Errorf("%s: told %v", tt.name, got)
		} else if night, _ := got[0]["night"].(float64); night != tt.want {
			t.Errorf("%s: told of night %v, want %v", tt.name, night, tt.want)
		}
	}
}
