// Package gate decides whether a new model may take over. Every gate is a function of
// figures that others measured and returns findings as data; [Decide] turns these into a
// verdict. Nothing here reads rows.
package gate

import (
	"fmt"
	"math"
	"strings"

	"github.com/mainstay-etl/mainstay/models/eval"
)

// Severity of a finding.
type Severity string

// The severities, mildest first.
const (
	Info  Severity = "info"
	Warn  Severity = "warn"  // published, with something to read
	Error Severity = "error" // the new model does not take over
)

// Names of the gates.
const (
	Minimum      = "minimum data"
	AgainstRule  = "better than the rule"
	AgainstOld   = "not worse than the champion"
	TooGood      = "too good to be true"
	FeatureDrift = "feature drift"
	ScoreDrift   = "score drift"
	Volume       = "volume"
	BaseRate     = "base rate"
)

// Finding is what one gate has to say.
type Finding struct {
	Gate     string             `json:"gate"`
	Severity Severity           `json:"severity"`
	Message  string             `json:"message"`       // a sentence, with figures and what to do
	Day      string             `json:"day,omitempty"` // cutoff that it is about
	Figures  map[string]float64 `json:"figures,omitempty"`
}

func (f Finding) String() string { return fmt.Sprintf("%s (%s): %s", f.Gate, f.Severity, f.Message) }

// What scores from now on.
const (
	UseChallenger = "challenger" // the new model
	UseChampion   = "champion"   // the one in service stays
	UseRule       = "rule"       // the best simple rule
	UseNone       = "none"       // nothing: no outcome is known yet, so no probability would be honest
)

// Verdict is the outcome of all gates.
type Verdict struct {
	Publish  bool      `json:"publish"` // whether something new takes over: the challenger or the rule
	Use      string    `json:"use"`
	Findings []Finding `json:"findings,omitempty"`
}

// Worst is the highest severity among the findings; Info without any.
func (v Verdict) Worst() Severity { return Worst(v.Findings) }

// Refused tells whether a gate refused the new model.
func (v Verdict) Refused(gate string) bool {
	for _, f := range v.Findings {
		if f.Gate == gate && f.Severity == Error {
			return true
		}
	}
	return false
}

// Worst is the highest severity among findings; Info without any.
func Worst(findings []Finding) Severity {
	worst := Info
	for _, f := range findings {
		if f.Severity == Error || f.Severity == Warn && worst == Info {
			worst = f.Severity
		}
	}
	return worst
}

// Available says what could score.
type Available struct{ Challenger, Champion, Rule bool }

// Decide takes the new model when no gate refuses it. Refused, the champion stays, and
// where there is none the best simple rule scores. A champion that failed nothing but
// was not compared stays too.
func Decide(findings []Finding, have Available) Verdict {
	v := Verdict{Findings: findings}
	switch {
	case have.Challenger && Worst(findings) != Error:
		v.Use, v.Publish = UseChallenger, true
	case have.Champion:
		v.Use = UseChampion
	case have.Rule:
		v.Use, v.Publish = UseRule, true
	default:
		v.Use = UseNone
	}
	return v
}

// Limits of the gates. Zero values mean the defaults.
type Limits struct {
	Positives, Negatives int     // least of each outcome for a model, default 100
	MaxAUC               float64 // too good from here on, default 0.95
	// Better is the share of bootstrap rounds in which the model must have less log loss
	// than the best simple rule, default 0.9: a model must earn its keep.
	Better float64
	// Worse is the share of rounds in which the new model is better than the champion
	// below which the champion stays, default 0.2: of two that are about as good the
	// one that knows more recent outcomes is used.
	Worse float64
	// Calm and Low bound the volume gate: what the latest snapshot has over the median
	// of the others. Below Low (default 0.5) it warns; below Calm (0.25), and below half
	// of the lowest of the others, it refuses.
	Low, Calm float64
}

// WithDefaults returns l with zeros replaced.
func (l Limits) WithDefaults() Limits {
	set := func(v *float64, d float64) {
		if !(*v > 0) {
			*v = d
		}
	}
	if l.Positives <= 0 {
		l.Positives = 100
	}
	if l.Negatives <= 0 {
		l.Negatives = 100
	}
	set(&l.MaxAUC, 0.95)
	set(&l.Better, 0.9)
	set(&l.Worse, 0.2)
	set(&l.Low, 0.5)
	set(&l.Calm, 0.25)
	return l
}

// leastOutcomes is how many rows of either outcome the judging cutoff must have before
// its figures, a high AUC among them, can mean anything but luck.
const leastOutcomes = 30

// CheckTooGood stops for an AUC that real customers do not give: a feature that knows
// the outcome, until shown otherwise. suspects are the features that the model goes by
// most, to be named; may be empty.
func CheckTooGood(name, data string, auc float64, positives, negatives int, suspects []string, l Limits) []Finding {
	if !(auc >= l.MaxAUC) || min(positives, negatives) < leastOutcomes {
		return nil
	}
	text := fmt.Sprintf("%s has an AUC of %.4f on %s, at or above %.2f: look for a feature that knows the outcome before using this model.", name, auc, data, l.MaxAUC)
	if len(suspects) > 0 {
		text += fmt.Sprintf(" What moves scores most: %s.", strings.Join(suspects, ", "))
	}
	return []Finding{{
		Gate: TooGood, Severity: Error, Message: text,
		Figures: map[string]float64{"auc": auc, "limit": l.MaxAUC},
	}}
}

// CheckRule wants the model to be better than the best simple rule on the same later
// rows, and its ranking to be better than chance. c compares the rule (A) with the model
// (B); aucLow is the lower end of the interval of the model's AUC.
func CheckRule(model, rule string, c eval.Comparison, aucLow float64, l Limits) Finding {
	f := Finding{Gate: AgainstRule, Severity: Info, Figures: figures(c)}
	text := fmt.Sprintf("%s has a log loss of %.4f, %q of %.4f; over resampled customers the model was better in %.0f %% of the draws", model, c.LogLoss.B, rule, c.LogLoss.A, 100*c.LogLoss.BBetter)
	f.Severity = Error
	switch {
	case !(c.LogLoss.BBetter >= l.Better):
		f.Message = text + fmt.Sprintf(", and it takes %.0f %%. A model that is not clearly better than a rule that anybody can check is not worth its trouble.", 100*l.Better)
	case !(aucLow > 0.5):
		f.Message = text + fmt.Sprintf(", but its AUC of %.4f may be chance: the interval begins at %.4f. Either nothing can be foreseen here or the outcomes are mixed up.", c.AUC.B, aucLow)
	case c.AUC.High < 0:
		f.Message = text + fmt.Sprintf(", but it ranks worse: its AUC is %.4f, the rule's %.4f.", c.AUC.B, c.AUC.A)
	default:
		f.Severity, f.Message = Info, text+"."
	}
	return f
}

// CheckChampion keeps the champion when the new model is worse on the same later rows. c
// compares the champion (A) with the new model (B); how says how the champion was made
// comparable.
func CheckChampion(model, champion, how string, c eval.Comparison, l Limits) Finding {
	f := Finding{Gate: AgainstOld, Severity: Info, Figures: figures(c)}
	f.Message = fmt.Sprintf("%s has a log loss of %.4f, the champion %s (%s) of %.4f; the new one was better in %.0f %% of the draws",
		model, c.LogLoss.B, champion, how, c.LogLoss.A, 100*c.LogLoss.BBetter)
	if c.LogLoss.BBetter < l.Worse {
		f.Severity = Error
		f.Message += fmt.Sprintf(", less than %.0f %%. The champion stays", 100*l.Worse)
	}
	f.Message += "."
	return f
}

func figures(c eval.Comparison) map[string]float64 {
	return map[string]float64{
		"log_loss": c.LogLoss.B, "other_log_loss": c.LogLoss.A, "share_better": c.LogLoss.BBetter,
		"auc": c.AUC.B, "other_auc": c.AUC.A,
	}
}

// Shift is how far the values of a feature, or the scores, have moved since training.
type Shift struct {
	Name  string
	Index float64 // population stability index against all training rows
	// Usual is the largest index of one training cutoff against the others: how much
	// the values move anyway. NaN with one cutoff.
	Usual float64
	// Chance is the index that so few rows would show without any change.
	Chance float64
}

// alarming tells whether a shift is another population, and not what is usual: it is
// twice as far away as the farthest cutoff so far. The index grows with the square of the
// distance, and hundreds of features are asked every night.
func (s Shift) alarming() bool {
	usual := s.Usual
	if usual != usual {
		usual = 0
	}
	return s.Index-s.Chance >= eval.StabilityAlarm && s.Index >= 4*usual
}

// namedAtMost is how many features a message names.
const namedAtMost = 5

// CheckFeatures warns of features whose values are spread otherwise than in training.
// The shifts come in the order in which they should be named.
func CheckFeatures(shifts []Shift) []Finding {
	var names []string
	figures := map[string]float64{}
	for _, s := range shifts {
		if s.alarming() {
			if len(names) < namedAtMost {
				names = append(names, fmt.Sprintf("%s (%.2f)", s.Name, s.Index))
			}
			figures[s.Name] = round(s.Index)
		}
	}
	if len(figures) == 0 {
		return nil
	}
	text := strings.Join(names, ", ")
	if more := len(figures) - len(names); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return []Finding{{
		Gate: FeatureDrift, Severity: Warn, Figures: figures,
		Message: fmt.Sprintf("The values of %s are spread otherwise than in what the model learned from (population stability index, alarm from %.2f on): check whether data are missing or counted otherwise before trusting the scores.", text, eval.StabilityAlarm),
	}}
}

// CheckScores warns of scores that are spread otherwise than on what the model learned
// from.
func CheckScores(s Shift) []Finding {
	if !s.alarming() {
		return nil
	}
	return []Finding{{
		Gate: ScoreDrift, Severity: Warn, Figures: map[string]float64{"index": round(s.Index)},
		Message: fmt.Sprintf("The scores are spread otherwise than those of the rows that the model learned from (population stability index %.2f, alarm from %.2f on): either the customers have changed or their data have.", s.Index, eval.StabilityAlarm),
	}}
}

func round(v float64) float64 { return math.Round(v*1e4) / 1e4 }
