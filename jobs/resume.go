package jobs

import (
	"context"
	"fmt"
	"strings"

	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
)

// Continued is an attempt at the same day that did not end well, which a night goes on
// from: what it finished is reused by its keys.
type Continued struct {
	Night   int64
	Status  string   // ledger.Interrupted or ledger.Failed
	Changed []string // what changed since, in words: what depends on it is made anew
}

// String says it in a line.
func (c *Continued) String() string {
	how := map[string]string{ledger.Interrupted: "was interrupted", ledger.Failed: "failed"}[c.Status]
	if len(c.Changed) == 0 {
		return fmt.Sprintf("continues night %d, which %s: what it finished is reused", c.Night, how)
	}
	return fmt.Sprintf("night %d %s, and %s since: what depends on that is made anew, what does not is reused", c.Night, how, changed(c.Changed))
}

func changed(what []string) string {
	verb := " has changed"
	if len(what) > 1 {
		verb = " have changed"
	}
	return strings.Join(what, " and ") + verb
}

// continued finds the attempt that a night goes on from; nil when there is none.
func continued(ctx context.Context, l *ledger.Ledger, now ledger.Night) (*Continued, error) {
	before, ok, err := l.LastAttempt(ctx, now.Kind, now.AsOf)
	if err != nil || !ok || before.Status == ledger.Published {
		return nil, err
	}
	c := &Continued{Night: before.ID, Status: before.Status, Changed: differences(before, now)}
	if c.Status == ledger.Running { // its process is dead: the lease says so
		c.Status = ledger.Interrupted
	}
	return c, nil
}

// differences are what can change a result besides data, and did between two attempts.
// Attempts of before these were told apart have none that is known.
func differences(before, now ledger.Night) []string {
	var out []string
	for _, d := range []struct{ what, was, is string }{
		{"the program", before.Code, now.Code}, {"mainstay.yaml", before.Settings, now.Settings}, {"the SQL", before.Models, now.Models},
	} {
		if d.was != "" && d.was != d.is {
			out = append(out, d.what)
		}
	}
	return out
}

// account notes how the jobs and checks of the night ended, for whoever reports it.
func (o *Outcome) account(ctx context.Context, n *pipeline.Night) (err error) {
	if o.Jobs, err = n.Ledger.Jobs(ctx, n.ID); err != nil {
		return err
	}
	if o.Checks, err = n.Ledger.Checks(ctx, n.ID); err != nil {
		return err
	}
	return nil
}

// Reused counts the tables that were there already.
func (o Outcome) Reused() int {
	n := 0
	for _, j := range o.Jobs {
		if j.Status == ledger.JobReused {
			n++
		}
	}
	return n
}
