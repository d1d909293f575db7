package gate

import (
	"fmt"
	"math"
	"slices"
)

// Count is how much one snapshot holds.
type Count struct {
	Day  string  `json:"day"`
	Rows float64 `json:"rows"`
	// Activity is the sum of a feature that counts what happened lately, such as orders
	// in the 30 days before; NaN is written as -1: the snapshot has no such feature.
	Activity float64 `json:"activity"`
	Rate     float64 `json:"rate"` // share of positives; -1 while not known
}

// leastCounts is how many snapshots before the last it takes to know what is usual.
const leastCounts = 3

// farBelow is the share of the lowest earlier count below which a count is no quiet month
// like that one.
const farBelow = 0.5

// CheckVolume looks for a snapshot that holds far less than it should: a month that was
// not delivered makes everybody look as if they had stopped buying. The last of the
// counts decides, and is compared with those before it: with their median, and before it
// is an error also with the lowest, since a business with seasons has quiet months that
// are no holes. One further back is compared with
// those before and those after it, so that growth is no hole, and is a warning: the
// business may have paused then. what names the activity: "orders_30".
func CheckVolume(counts []Count, what string, l Limits) []Finding {
	var out []Finding
	for i, c := range counts {
		for _, m := range []struct {
			name string
			of   func(Count) float64
		}{{"rows", func(c Count) float64 { return c.Rows }}, {what, func(c Count) float64 { return c.Activity }}} {
			usual, ok := usually(counts, i, m.of)
			if !ok || m.of(c) < 0 || m.of(c) >= l.Low*usual {
				continue
			}
			f := Finding{
				Gate: Volume, Severity: Warn, Day: c.Day, Figures: map[string]float64{"value": m.of(c), "usual": usual},
				Message: fmt.Sprintf("%s of the snapshot of %s sum up to %.0f where %.0f are usual: are deliveries missing?", m.name, c.Day, m.of(c), usual),
			}
			if i == len(counts)-1 && m.of(c) < l.Calm*usual {
				low := lowest(counts[:i], m.of)
				f.Figures["lowest"] = low
				if m.of(c) < farBelow*low {
					f.Severity = Error
				} else {
					f.Message += fmt.Sprintf(" It has been as low as %.0f before, so it may be the season.", low)
				}
			}
			out = append(out, f)
			break // one finding per snapshot
		}
	}
	return out
}

// usually is what the i-th count should hold; ok is false while nobody can know.
func usually(counts []Count, i int, of func(Count) float64) (float64, bool) {
	before, ok := median(counts[:i], of)
	if i == len(counts)-1 {
		return before, ok && i >= leastCounts
	}
	after, more := median(counts[i+1:], of)
	return math.Min(before, after), ok && more && len(counts) > leastCounts
}

// lowest of what is known (not negative); 0 when nothing is.
func lowest(counts []Count, of func(Count) float64) float64 {
	low := math.Inf(1)
	for _, c := range counts {
		if v := of(c); v >= 0 {
			low = math.Min(low, v)
		}
	}
	if math.IsInf(low, 1) {
		return 0
	}
	return low
}

// rateAlarm is by how much in log-odds the latest base rate may be off the others.
const rateAlarm = 1

// CheckRate warns when the share of positives of the last count is far from the others:
// a hole in the time that labels look at turns customers into lost ones.
func CheckRate(counts []Count) []Finding {
	var known []Count
	for _, c := range counts {
		if c.Rate > 0 && c.Rate < 1 {
			known = append(known, c)
		}
	}
	if len(known) == 0 {
		return nil
	}
	last := known[len(known)-1]
	logit := func(c Count) float64 { return math.Log(c.Rate / (1 - c.Rate)) }
	shifted := func(c Count) float64 { return logit(c) + 100 } // median wants numbers >= 0
	usual, ok := median(known[:len(known)-1], shifted)
	if !ok || len(known) <= leastCounts || math.Abs(shifted(last)-usual) < rateAlarm {
		return nil
	}
	typical := 1 / (1 + math.Exp(-(usual - 100)))
	return []Finding{{
		Gate: BaseRate, Severity: Warn, Day: last.Day, Figures: map[string]float64{"rate": last.Rate, "usual": round(typical)},
		Message: fmt.Sprintf("It happened to %.1f %% of the rows of %s where %.1f %% are usual: are data missing in the time after it?", 100*last.Rate, last.Day, 100*typical),
	}}
}

// median of what is known (not negative); ok is false when nothing is.
func median(counts []Count, of func(Count) float64) (float64, bool) {
	var v []float64
	for _, c := range counts {
		if of(c) >= 0 {
			v = append(v, of(c))
		}
	}
	if len(v) == 0 {
		return 0, false
	}
	slices.Sort(v)
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2, true
}
