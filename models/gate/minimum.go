package gate

import (
	"fmt"
	"math"
	"time"
)

// History is what there is to learn from.
type History struct {
	Cutoffs     []time.Time // mature ones, in order
	Positives   int
	Negatives   int
	HorizonDays int
	// First is the first cutoff that there is or will be; zero: not known.
	First time.Time
	// Judging is the later cutoff that judges what earlier ones teach; nil: there is none.
	Judging *Judging
}

// Judging counts the rows of the cutoff that judges.
type Judging struct {
	Day                  string
	Positives, Negatives int
}

// CheckMinimum says what is missing before a model can be learned and judged, and when
// it will be there. Snapshots are taken to be made on the first day of each month.
func CheckMinimum(h History, l Limits) []Finding {
	if len(h.Cutoffs) == 0 {
		f := Finding{Gate: Minimum, Severity: Error, Message: "No outcome is known yet, so there is no honest probability and there are no scores"}
		if !h.First.IsZero() {
			f.Message += fmt.Sprintf(": the first snapshot, of %s, has its outcome of %d days from %s on", day(h.First), h.HorizonDays, day(h.First.AddDate(0, 0, h.HorizonDays)))
		}
		f.Message += "."
		return []Finding{f}
	}
	var out []Finding
	if h.Judging == nil {
		judge := monthOn(h.Cutoffs[0].AddDate(0, 0, h.HorizonDays))
		out = append(out, Finding{
			Gate: Minimum, Severity: Error,
			Message: fmt.Sprintf("A model cannot be judged yet: that takes two snapshots %d days apart, both with known outcome. The first is of %s, so the second is that of %s, whose outcome is known from %s on.",
				h.HorizonDays, day(h.Cutoffs[0]), day(judge), day(judge.AddDate(0, 0, h.HorizonDays))),
			Figures: map[string]float64{"mature_cutoffs": float64(len(h.Cutoffs))},
		})
	}
	for _, o := range []struct {
		name        string
		have, needs int
	}{{"to which it happened", h.Positives, l.Positives}, {"to which it did not", h.Negatives, l.Negatives}} {
		if o.have < o.needs {
			out = append(out, Finding{
				Gate: Minimum, Severity: Error,
				Message: fmt.Sprintf("Of the rows %s there are %d, and a model takes %d. %s", o.name, o.have, o.needs, h.when(o.have, o.needs)),
				Figures: map[string]float64{"have": float64(o.have), "need": float64(o.needs)},
			})
		}
	}
	if h.Judging != nil {
		out = append(out, h.Judging.check()...)
	}
	return out
}

func (j Judging) check() []Finding {
	least := min(j.Positives, j.Negatives)
	if least >= leastOutcomes {
		return nil
	}
	return []Finding{{
		Gate: Minimum, Severity: Error, Day: j.Day,
		Message: fmt.Sprintf("A model cannot be judged on %s: of its rows it happened to %d and not to %d, and it takes %d of each to tell skill from luck. That takes more customers, not more months.",
			j.Day, j.Positives, j.Negatives, leastOutcomes),
		Figures: map[string]float64{"have": float64(least), "need": leastOutcomes},
	}}
}

// when extrapolates: each further month brings as many as a cutoff has brought so far.
func (h History) when(have, need int) string {
	if have == 0 {
		return "None has been seen so far, so nobody can say when there will be enough."
	}
	each := float64(have) / float64(len(h.Cutoffs))
	months := int(math.Ceil(float64(need-have) / each))
	if months > 120 {
		return "At this rate that takes more than ten years."
	}
	last := h.Cutoffs[len(h.Cutoffs)-1]
	first := time.Date(last.Year(), last.Month(), 1, 0, 0, 0, 0, last.Location())
	return fmt.Sprintf("At this rate there will be enough from about %s on.", day(first.AddDate(0, months, 0).AddDate(0, 0, h.HorizonDays)))
}

// monthOn is the first day of a month that is not before t.
func monthOn(t time.Time) time.Time {
	first := time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, t.Location())
	if first.Before(t) {
		first = first.AddDate(0, 1, 0)
	}
	return first
}

func day(t time.Time) string { return t.Format(time.DateOnly) }
