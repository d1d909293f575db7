// Package notify tells people how a night went: by webhook (a JSON of its own, or
// Slack's), by e-mail, and by asking the address of a dead-man's switch. What is to be
// told comes as a Message; what has become of it is given back as Deliveries, for an
// undelivered message must not fail a night.
package notify

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// Event is what a message is about.
type Event string

// The events.
const (
	Failure  Event = "failure"
	Recovery Event = "recovery" // the first good night after a failed one
	Warnings Event = "warnings"
	Test     Event = "test"
)

// Version of the JSON that a webhook gets. It grows only when a field changes its
// meaning or goes; new fields may come at any time.
const Version = 1

// Message is what happened, as the JSON of a webhook has it.
type Message struct {
	Version  int    `json:"version"`
	Event    Event  `json:"event"`
	Title    string `json:"title"`
	Text     string `json:"text"` // all of it, for people
	Project  string `json:"project"`
	AsOf     string `json:"as_of,omitempty"`
	Night    int64  `json:"night,omitempty"` // its number in the ledger; 0 when none began
	Status   string `json:"status"`          // published, failed, interrupted, died, not_started
	ExitCode int    `json:"exit_code"`
	Job      string `json:"job,omitempty"` // that failed
	Error    string `json:"error,omitempty"`

	Warnings   []string   `json:"warnings,omitempty"`
	StartedAt  *time.Time `json:"started_at,omitempty"`
	FinishedAt *time.Time `json:"finished_at,omitempty"`
	Seconds    float64    `json:"duration_seconds"`

	Published      *Published `json:"published"` // what readers see now; null when nothing was ever published
	FailingSince   *time.Time `json:"failing_since,omitempty"`
	FailedAttempts int        `json:"failed_attempts,omitempty"` // in a row, this one included when it failed

	Runbook string `json:"runbook,omitempty"` // what to do
	Host    string `json:"host"`
	Data    string `json:"data_directory"`
	Program string `json:"mainstay_version"`
}

// Published is the night that readers see.
type Published struct {
	AsOf  string    `json:"as_of"`
	Night int64     `json:"night"`
	At    time.Time `json:"at"`
}

// maxError bounds what a message quotes of an error, in bytes.
const maxError = 4000

// Finish fills in the fields that follow from others: version, title and text.
func (m Message) Finish() Message {
	m.Version = Version
	m.Error = shorten(m.Error, maxError)
	m.Title = m.title()
	m.Text = m.title() + "\n\n" + m.details()
	return m
}

func shorten(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + " ..."
}

func (m Message) title() string {
	night := strings.TrimSpace("night " + m.AsOf)
	switch m.Event {
	case Failure:
		what := "failed"
		switch m.Status {
		case "interrupted":
			what = "was stopped"
		case "died":
			what = "died"
		case "not_started":
			what = "could not start"
		}
		return fmt.Sprintf("%s: %s %s", m.Project, night, what)
	case Recovery:
		return fmt.Sprintf("%s: %s is published, nights are well again", m.Project, night)
	case Warnings:
		return fmt.Sprintf("%s: %s is published, with %s", m.Project, night, count(len(m.Warnings), "warning"))
	}
	return m.Project + ": a test message of mainstay"
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// details say what happened, since when and what to do, a line or more each.
func (m Message) details() string {
	var b strings.Builder
	line := func(label, text string) {
		if text != "" {
			fmt.Fprintf(&b, "%s: %s\n", label, text)
		}
	}
	if m.Event == Test {
		fmt.Fprintln(&b, "This channel works. It will be told of nights as its configuration says.")
	}
	line("Error", m.Error)
	line("Job", m.Job)
	for _, w := range m.Warnings {
		line("Warning", w)
	}
	if m.StartedAt != nil {
		line("Started", fmt.Sprintf("%s, took %s", clock(*m.StartedAt), took(m.Seconds)))
	}
	if m.Event == Failure {
		line("Readers see", m.stands())
	}
	if m.FailingSince != nil {
		label := "Failing since"
		if m.Event == Recovery {
			label = "Had failed since"
		}
		line(label, fmt.Sprintf("%s (%s)", clock(*m.FailingSince), count(m.FailedAttempts, "attempt")))
	}
	line("What to do", m.Runbook)
	where := fmt.Sprintf("%s on %s, mainstay %s", m.Data, m.Host, m.Program)
	if m.Night != 0 {
		where += fmt.Sprintf(", `mainstay nights show %d`", m.Night)
	}
	line("Where", where)
	return b.String()
}

func (m Message) stands() string {
	if m.Published == nil {
		return "nothing: no night was published yet"
	}
	return fmt.Sprintf("night %s, published %s", m.Published.AsOf, clock(m.Published.At))
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

func took(seconds float64) string {
	return time.Duration(seconds * float64(time.Second)).Round(100 * time.Millisecond).String()
}

// slack is the message in the format of Slack's incoming webhooks, in the part of it
// that Mattermost, Rocket.Chat and others understand as well.
func (m Message) slack() map[string]any {
	color := cmp.Or(map[Event]string{Failure: "danger", Recovery: "good", Warnings: "warning"}[m.Event], "#888888")
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace
	return map[string]any{
		"text": escape(m.Title),
		"attachments": []map[string]any{{
			"color": color, "fallback": escape(m.Title), "text": escape(m.details()),
		}},
	}
}
