// Package explain turns the effects of features on a score into reasons that a
// salesperson understands.
package explain

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Wording says how a feature is told. All of it may be empty.
type Wording struct {
	// Say is the fact with a place for its value: "last order {value} days ago".
	Say string
	// SayMissing is what a missing value says: "no visits known in the last 90 days".
	SayMissing string
	// Meaning is told where the value is missing and says nothing of its own: "Days since
	// the last order."
	Meaning string
	// Unit chooses how the value is written: see Format.
	Unit string
	// Topic groups features that tell the same story, such as "last contact" or the file
	// that they come from; of a topic only the strongest feature becomes a reason. "" is a topic of
	// its own.
	Topic string
}

// Wordings by feature.
type Wordings map[string]Wording

// Directions of an effect.
const (
	Raises = "raises"
	Lowers = "lowers"
)

// Reason is one feature's part in a score.
type Reason struct {
	Feature   int     // its number
	Value     float64 // NaN: missing
	Effect    float64 // in log-odds
	Direction string  // Raises or Lowers
}

// Top returns the k features with the largest effects either way, at most one per
// topic, largest first, ties in order of the features. Features without effect are no
// reasons. topic may be nil: every feature is a topic of its own, as is one with "".
func Top(effects []float64, value func(feature int) float64, topic func(feature int) string, k int) []Reason {
	order := make([]int, 0, len(effects))
	for j, e := range effects {
		if e != 0 && e == e {
			order = append(order, j)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(math.Abs(effects[b]), math.Abs(effects[a])) })
	var best []Reason
	var told []string
	for _, j := range order {
		if len(best) == k {
			break
		}
		if topic != nil && topic(j) != "" {
			if slices.Contains(told, topic(j)) {
				continue
			}
			told = append(told, topic(j))
		}
		direction := Raises
		if effects[j] < 0 {
			direction = Lowers
		}
		best = append(best, Reason{Feature: j, Value: value(j), Effect: effects[j], Direction: direction})
	}
	return best
}

// Sentence tells a reason; of is what the score is: "risk", "chance".
// "last order 78 days ago (raises the risk)".
func (w Wordings) Sentence(feature string, r Reason, of string) string {
	return w.fact(feature, r.Value) + " (" + r.Direction + " the " + of + ")"
}

func (w Wordings) fact(feature string, value float64) string {
	word := w[feature]
	if value != value && word.SayMissing != "" {
		return word.SayMissing
	}
	if value != value {
		what := strings.ReplaceAll(feature, "_", " ")
		if word.Meaning != "" {
			what = strings.TrimSuffix(strings.TrimSpace(word.Meaning), ".")
			what = lowerFirst(what)
		}
		return "not known: " + what
	}
	text := Format(value, word.Unit)
	if word.Say == "" {
		return feature + " = " + text
	}
	return strings.ReplaceAll(word.Say, "{value}", text)
}

// lowerFirst leaves abbreviations ("RFM score") alone.
func lowerFirst(s string) string {
	if len(s) > 1 && s[0] >= 'A' && s[0] <= 'Z' && (s[1] < 'A' || s[1] > 'Z') {
		return strings.ToLower(s[:1]) + s[1:]
	}
	return s
}

// IsFlag tells whether a unit is that of values that are true or false.
func IsFlag(unit string) bool {
	return slices.Contains([]string{"boolean", "yes/no", "flag"}, strings.ToLower(unit))
}

func IsMoney(unit string) bool {
	return slices.Contains([]string{"money", "currency", "amount"}, strings.ToLower(unit))
}

// Format writes a value for people. A unit that names money gives two decimals
// ("1,234.50"), that of a flag (see IsFlag) yes or no, "probability" a percentage that never
// claims certainty. Else whole numbers have no decimals, small ones two and large ones one.
func Format(v float64, unit string) string {
	switch {
	case IsMoney(unit):
		return grouped(v, 2)
	case IsFlag(unit):
		if v != 0 {
			return "yes"
		}
		return "no"
	case strings.EqualFold(unit, "probability"):
		return percentage(v)
	}
	a := math.Abs(v)
	switch {
	case v == math.Trunc(v) || a >= 1000:
		return grouped(v, 0)
	case a >= 10:
		return trimZeros(grouped(v, 1))
	case a >= 0.01:
		return trimZeros(grouped(v, 2))
	case a >= 0.0005:
		return strconv.FormatFloat(v, 'g', 2, 64)
	default:
		return "almost 0"
	}
}

func percentage(p float64) string {
	switch {
	case p >= 0.995:
		return ">99 %"
	case p < 0.005:
		return "<1 %"
	}
	return strconv.FormatFloat(100*p, 'f', 0, 64) + " %"
}

// grouped writes thousands separators.
func grouped(v float64, decimals int) string {
	s := strconv.FormatFloat(math.Abs(v), 'f', decimals, 64)
	whole, rest, _ := strings.Cut(s, ".")
	var b strings.Builder
	for i, d := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	if rest != "" {
		b.WriteString("." + rest)
	}
	if v < 0 && strings.Trim(s, "0.") != "" {
		return "-" + b.String()
	}
	return b.String()
}

func trimZeros(s string) string {
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}
