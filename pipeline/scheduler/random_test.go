package scheduler

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/schedule"
)

// Months of random uptime and downtime, in zones whose clocks jump meanwhile: every slot
// ends once, as the rules say.
func TestRandomDowntimes(t *testing.T) {
	zones := []string{"Europe/London", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Africa/Cairo", "Asia/Kolkata"}
	for i, name := range zones {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(b *bundle) {
				dice := rand.New(rand.NewPCG(uint64(i), 6))
				zone, err := time.LoadLocation(name)
				if err != nil {
					b.Fatal(err)
				}
				p := &b.plans[0]
				if p.When, err = schedule.Parse([]string{"30 1 * * *", "0 2 * * *", "15 0-3 * * mon"}[i%3], zone); err != nil {
					b.Fatal(err)
				}
				p.CatchUp, p.Overlap = dice.IntN(5), []schedule.Overlap{schedule.Queue, schedule.Skip}[dice.IntN(2)]
				b.takes = func(ledger.Slot) (time.Duration, Outcome) { return 0, Outcome{} }
				var ups [][2]time.Time
				for time.Now().Before(time.Date(2000, 5, 1, 0, 0, 0, 0, time.UTC)) {
					up := [2]time.Time{time.Now()}
					stop := b.start()
					time.Sleep(time.Duration(dice.ExpFloat64()*100) * time.Hour)
					stop()
					up[1] = time.Now()
					ups = append(ups, up)
					time.Sleep(time.Duration(dice.ExpFloat64() * float64([]time.Duration{2 * time.Minute, 5 * time.Hour, 200 * time.Hour}[dice.IntN(3)])))
				}
				want := expected(*p, ups)
				got := b.outcomes()
				if !slices.Equal(got, want) {
					b.Errorf("%s, catch_up %d: got\n%s\nwant\n%s\n%s", p.When, p.CatchUp, strings.Join(got, "\n"), strings.Join(want, "\n"), b.log.String())
				}
				if len(b.ran) != strings.Count(strings.Join(want, " "), "done") {
					b.Errorf("%d works for %d slots", len(b.ran), len(want))
				}
			})
		})
	}
}

// expected states the rules anew: a slot is run if a scheduler is there at its time, or
// within five minutes of it; of those that were missed before a start the newest CatchUp
// are run, the others left out.
func expected(p schedule.Plan, ups [][2]time.Time) []string {
	var out []string
	for i := range ups {
		missedFrom := ups[0][0]
		if i > 0 {
			missedFrom = ups[i-1][1]
		}
		var missed []string
		for at := p.When.Next(missedFrom); at.Before(ups[i][1]); at = p.When.Next(at) {
			if ups[i][0].Sub(at) > 5*time.Minute {
				missed = append(missed, at.UTC().Format(time.RFC3339))
				continue
			}
			out = append(out, at.UTC().Format(time.RFC3339)+" done")
		}
		for j, at := range missed {
			how := " done"
			if j < len(missed)-p.CatchUp {
				how = " skipped"
			}
			out = append(out, at+how)
		}
	}
	slices.Sort(out)
	return out
}

// outcomes gives what the ledger says of every slot, by time.
func (b *bundle) outcomes() []string {
	b.Helper()
	l, err := ledger.Open(b.Context(), b.dir, b.now)
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	all, err := l.Slots(b.Context(), 0)
	if err != nil {
		b.Fatal(err)
	}
	var out []string
	for _, s := range all {
		out = append(out, fmt.Sprintf("%s %s", s.At.Format(time.RFC3339), s.Status))
	}
	slices.Sort(out)
	return out
}
