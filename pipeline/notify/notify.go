package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/config"
	"github.com/mainstay-etl/mainstay/pipeline/post"
)

// Delivery is what became of a message on one channel.
type Delivery struct {
	Channel string
	Event   Event
	Tries   int
	Err     error // nil: delivered; it shows no secret
}

// Notifier delivers messages as a configuration says. It is safe for concurrent use.
type Notifier struct {
	c      config.Notify
	policy post.Policy
	mail   mailer
}

// New makes a notifier.
func New(c config.Notify) *Notifier {
	return &Notifier{c: c, policy: post.DefaultPolicy(), mail: mailer{}}
}

// pingChannel is the name of the dead-man's switch in deliveries.
const pingChannel = "ping"

// On tells whether anybody wants to be told of an event.
func (n *Notifier) On(e Event) bool {
	return slices.ContainsFunc(n.c.Channels, func(c config.Channel) bool { return !c.Off() && wants(c, e) })
}

func wants(c config.Channel, e Event) bool {
	return e == Test || slices.Contains(c.On, config.Event(e))
}

// Tell delivers a message to the channels that want it, all at the same time. events
// are what the message can be told as, the most important first: a channel gets it as
// the first one that it wants. Each delivery is bounded by the configured timeout, and
// by ctx.
func (n *Notifier) Tell(ctx context.Context, m Message, events ...Event) []Delivery {
	var out []Delivery
	var sends []func(context.Context) (int, error)
	for _, c := range n.c.Channels {
		i := slices.IndexFunc(events, func(e Event) bool { return wants(c, e) })
		if i < 0 || c.Off() {
			continue
		}
		told := m
		told.Event = events[i]
		out = append(out, Delivery{Channel: c.Name, Event: events[i]})
		sends = append(sends, func(ctx context.Context) (int, error) { return n.send(ctx, c, told.Finish()) })
	}
	n.all(ctx, out, sends)
	return out
}

// Ping asks the address of the dead-man's switch: after a good night the address
// itself, else, where that is wanted, the one with /fail appended. Without one it does
// nothing.
func (n *Notifier) Ping(ctx context.Context, good bool) []Delivery {
	p := n.c.Ping
	if p.URL == "" && p.URLFile == "" || !good && !p.Fail {
		return nil
	}
	event := Event("success")
	if !good {
		event = Failure
	}
	out := []Delivery{{Channel: pingChannel, Event: event}}
	n.all(ctx, out, []func(context.Context) (int, error){func(ctx context.Context) (int, error) { return n.ping(ctx, good) }})
	return out
}

func (n *Notifier) ping(ctx context.Context, good bool) (int, error) {
	address, err := post.FirstLine(string(n.c.Ping.URL), string(n.c.Ping.URLFile))
	if err != nil {
		return 1, err
	}
	if !good {
		u, err := url.Parse(address)
		if err != nil {
			return 1, errors.New("the address is none (not shown, it may be secret); expected https://host/path")
		}
		address = u.JoinPath("fail").String()
	}
	return post.Deliver(ctx, n.policy, post.Target{URL: address}, "", nil)
}

// all sends side by side and notes what became of each.
func (n *Notifier) all(ctx context.Context, out []Delivery, sends []func(context.Context) (int, error)) {
	var wg sync.WaitGroup
	for i, send := range sends {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, time.Duration(n.c.Timeout))
			defer cancel()
			out[i].Tries, out[i].Err = send(ctx)
		})
	}
	wg.Wait()
}

func (n *Notifier) send(ctx context.Context, c config.Channel, m Message) (int, error) {
	switch c.Type {
	case config.ChannelEmail:
		return n.policy.Retry(ctx, func(ctx context.Context) error { return n.mail.send(ctx, c, m) })
	case config.ChannelSlack:
		return n.post(ctx, c, m.slack())
	}
	return n.post(ctx, c, m)
}

func (n *Notifier) post(ctx context.Context, c config.Channel, body any) (int, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return 1, fmt.Errorf("writing a message: %w", err)
	}
	to := post.Target{URL: string(c.URL), URLFile: string(c.URLFile), Token: string(c.Token), TokenFile: string(c.TokenFile)}
	return post.Deliver(ctx, n.policy, to, "application/json", text)
}
