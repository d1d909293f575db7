package jobs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/config"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/notify"
)

// Telling is what there is to tell of a night, however it ended.
type Telling struct {
	Config   *config.Config
	DataDir  string
	AsOf     string // YYYY-MM-DD; "" when it is not known
	Night    int64  // 0: none began
	Err      error  // nil: it is published
	Died     bool   // its process ended without a word
	Warnings []string
	ExitCode int
	Started  time.Time
	Finished time.Time
}

// hurry bounds the telling of a night that was told to stop.
const hurry = 10 * time.Second

// Tell tells people of a night as the configuration says, and records what was told in
// the ledger. What could not be delivered is logged and comes back as warnings: it
// changes nothing about the night.
func Tell(ctx context.Context, t Telling, log *slog.Logger) (warnings []string) {
	if len(t.Config.Notify.Channels) == 0 && t.Config.Notify.Ping == (config.Ping{}) {
		return nil
	}
	if t.Night != 0 {
		log = log.With("night", t.Night, "as_of", t.AsOf)
	}
	if ctx.Err() != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), hurry)
		defer cancel()
	}
	l, err := ledger.OpenExisting(ctx, t.DataDir)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			log.Warn("people are told without what the ledger knows", "error", err)
		}
		l = nil
	} else {
		defer l.Close()
	}
	m, events := t.message(ctx, l, log)
	n := notify.New(t.Config.Notify)
	told := append(n.Tell(ctx, m, events...), n.Ping(ctx, t.Err == nil)...)
	var notices []ledger.Notice
	for _, d := range told {
		notice := ledger.Notice{Night: t.Night, AsOf: t.AsOf, Event: string(d.Event), Channel: d.Channel, Tries: d.Tries}
		if d.Err != nil {
			notice.Error = d.Err.Error()
			warnings = append(warnings, fmt.Sprintf("channel %s was not told after %d tries: %v", d.Channel, d.Tries, d.Err))
			log.Warn("a message was not delivered", "channel", d.Channel, "event", d.Event, "tries", d.Tries, "error", d.Err)
		} else {
			log.Info("a message was delivered", "channel", d.Channel, "event", d.Event, "tries", d.Tries)
		}
		notices = append(notices, notice)
	}
	if l != nil && len(notices) > 0 {
		if err := l.RecordNotices(context.WithoutCancel(ctx), notices); err != nil {
			log.Warn("what was told is not recorded", "error", err)
		}
	}
	return warnings
}

// message says what happened, and as which events it can be told.
func (t Telling) message(ctx context.Context, l *ledger.Ledger, log *slog.Logger) (notify.Message, []notify.Event) {
	host, err := os.Hostname()
	if err != nil {
		host = "an unknown host"
	}
	m := notify.Message{
		Project: t.Config.Name, AsOf: t.AsOf, Night: t.Night, Status: ledger.Published, ExitCode: t.ExitCode, Warnings: t.Warnings,
		StartedAt: &t.Started, FinishedAt: &t.Finished, Seconds: t.Finished.Sub(t.Started).Seconds(), Host: host, Data: t.DataDir, Program: Version,
	}
	if t.ExitCode != 0 {
		m.Runbook = fmt.Sprintf("%s#exit-%d", t.Config.Notify.Runbook, t.ExitCode)
	}
	if t.Err != nil {
		m.Error, m.Status = t.Err.Error(), t.status()
	}
	var failing ledger.Failing
	if l != nil {
		if failing, err = t.remember(ctx, l, &m); err != nil {
			log.Warn("people are told without what the ledger knows", "error", err)
		}
	}
	return m, t.events(&m, failing)
}

func (t Telling) status() string {
	switch {
	case t.Died:
		return "died"
	case t.Night == 0:
		return "not_started"
	case errors.Is(t.Err, context.Canceled), errors.Is(t.Err, pipeline.ErrStopped):
		return ledger.Interrupted
	}
	return ledger.Failed
}

// remember fills in what the ledger knows.
func (t Telling) remember(ctx context.Context, l *ledger.Ledger, m *notify.Message) (ledger.Failing, error) {
	failing, err := l.FailingBefore(ctx, t.Night)
	if err != nil {
		return failing, err
	}
	if m.Published, err = shownNight(ctx, l); err != nil {
		return failing, err
	}
	if t.Err == nil || t.Night == 0 {
		return failing, nil
	}
	jobs, err := l.Jobs(ctx, t.Night)
	for _, j := range jobs {
		if j.Status == ledger.JobFailed {
			m.Job = j.Name
			break
		}
	}
	return failing, err
}

// shownNight is the night that readers see; nil when there is none.
func shownNight(ctx context.Context, l *ledger.Ledger) (*notify.Published, error) {
	shown, ok, err := l.Shown(ctx)
	if err != nil || !ok {
		return nil, err
	}
	return &notify.Published{AsOf: shown.AsOf, Night: shown.Night, At: shown.At}, nil
}

// events are what the message can be told as, the most important first.
func (t Telling) events(m *notify.Message, failing ledger.Failing) []notify.Event {
	if t.Err != nil {
		if failing.Attempts == 0 {
			failing.Since = t.Started
		}
		m.FailingSince, m.FailedAttempts = &failing.Since, failing.Attempts+1
		return []notify.Event{notify.Failure}
	}
	var events []notify.Event
	if failing.Attempts > 0 {
		m.FailingSince, m.FailedAttempts = &failing.Since, failing.Attempts
		events = append(events, notify.Recovery)
	}
	if len(t.Warnings) > 0 {
		events = append(events, notify.Warnings)
	}
	return events
}

// TestChannels sends a test message to the channels that are named, or to all of them.
func TestChannels(ctx context.Context, c *config.Config, dataDir string, names []string) ([]notify.Delivery, error) {
	host, err := os.Hostname()
	if err != nil {
		host = "an unknown host"
	}
	only := c.Notify
	if len(names) > 0 {
		only.Channels = nil
	}
	ping := false
	for _, name := range names {
		found := false
		for _, ch := range c.Notify.Channels {
			if ch.Name == name {
				only.Channels, found = append(only.Channels, ch), true
			}
		}
		if name == "ping" && !found {
			ping, found = true, true
		}
		if !found {
			return nil, fmt.Errorf("%q is no channel of this project (see notify.channels in %s)", name, config.FileName)
		}
	}
	n := notify.New(only)
	out := n.Tell(ctx, notify.Message{Project: c.Name, Status: "test", Host: host, Data: dataDir, Program: Version}, notify.Test)
	if ping {
		out = append(out, n.Ping(ctx, true)...)
	}
	return out, nil
}
