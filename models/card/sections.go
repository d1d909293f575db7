package card

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/choose"
	"github.com/mainstay-etl/mainstay/models/explain"
	"github.com/mainstay-etl/mainstay/models/gate"
	"github.com/mainstay-etl/mainstay/models/learn"
)

func findings(all []gate.Finding) []item {
	marks := map[gate.Severity]string{gate.Error: "refused", gate.Warn: "warning", gate.Info: "passed"}
	var out []item
	for _, f := range all {
		out = append(out, item{marks[f.Severity], f.Gate + ": " + f.Message})
	}
	return out
}

func splitText(r learn.Report) []string {
	out := []string{r.Split}
	if len(r.Aside) > 0 {
		out = append(out, fmt.Sprintf("Not learned from, because at some cutoff they are the same for all customers (say, their window is longer than the history was) and would tell cutoffs apart: %s.",
			strings.Join(r.Aside, ", ")))
	}
	return out
}

// shown are the metrics of the first table, with their names for people.
var shown = []struct{ metric, name string }{
	{models.AUC, "AUC"}, {models.AveragePrecision, "average precision"}, {models.LogLoss, "log loss"}, {models.Brier, "Brier"},
	{models.LiftTop10, "lift in top 10 %"}, {models.CalibrationError, "calibration error"}, {models.MeanProbability, "mean probability"},
	{models.BaseRate, "base rate"}, {models.HitAt3, "hit@3"}, {models.AUCWithin, "AUC within customer"},
}

func figuresText(r learn.Report) []string {
	if len(r.Metrics) == 0 {
		return []string{"Not judged: " + r.Split}
	}
	out := []string{fmt.Sprintf("On %s, %s rows that none of them had learned from. In brackets 95 %% intervals by %s draws of customers.",
		strings.TrimPrefix(r.Judged, "validation "), explain.Format(float64(r.Metrics[0].N), ""), explain.Format(float64(r.Rounds), ""))}
	for _, a := range r.Against {
		c := a.Comparison
		out = append(out, fmt.Sprintf("Against %s (%s): log loss %+.4f (%+.4f to %+.4f), AUC %+.4f (%+.4f to %+.4f).",
			a.Other, a.How, c.LogLoss.Difference, c.LogLoss.Low, c.LogLoss.High, c.AUC.Difference, c.AUC.Low, c.AUC.High))
	}
	return out
}

// estimators in the order of the report, of the data last judged on.
func estimators(r learn.Report) []string {
	var out []string
	for _, m := range r.Metrics {
		if m.Data == r.Judged && !slices.Contains(out, m.Estimator) {
			out = append(out, m.Estimator)
		}
	}
	return out
}

func metric(r learn.Report, estimator, name string) (models.Metric, bool) {
	for _, m := range r.Metrics {
		if m.Estimator == estimator && m.Name == name && m.Data == r.Judged {
			return m, true
		}
	}
	return models.Metric{}, false
}

func figures(r learn.Report) *table {
	t := &table{Head: []string{""}}
	who := estimators(r)
	for _, e := range who {
		t.Head = append(t.Head, ">"+e)
	}
	for _, s := range shown {
		row, any := []string{s.name}, false
		for _, e := range who {
			m, ok := metric(r, e, s.metric)
			any = any || ok
			row = append(row, value(m, ok))
		}
		if any {
			t.Rows = append(t.Rows, row)
		}
	}
	return t
}

func value(m models.Metric, ok bool) string {
	switch {
	case !ok:
		return ""
	case m.Low == 0 && m.High == 0:
		return number(m.Value)
	}
	return fmt.Sprintf("%s (%s to %s)", number(m.Value), number(m.Low), number(m.High))
}

// number with four digits that matter.
func number(v float64) string {
	if math.Abs(v) >= 10 {
		return explain.Format(v, "")
	}
	return strconv.FormatFloat(v, 'f', 4, 64)
}

func percent(v float64) string { return strconv.FormatFloat(100*v, 'f', 1, 64) + " %" }

func reliability(r learn.Report) *table {
	t := &table{Head: []string{">rows", ">predicted", ">happened", ">95 % interval"}}
	for _, b := range r.Bins {
		t.Rows = append(t.Rows, []string{explain.Format(math.Round(b.Rows), ""), percent(b.Probability), percent(b.Rate), percent(b.Low) + " to " + percent(b.High)})
	}
	return t
}

func gains(r learn.Report) *table {
	t := &table{Head: []string{">best rows", ">met", ">met by the rule", ">lift of this tenth"}}
	for _, g := range r.Gains {
		t.Rows = append(t.Rows, []string{percent(g.Share), percent(g.Captured), percent(g.Rule), strconv.FormatFloat(g.Lift, 'f', 2, 64)})
	}
	return t
}

func top(r learn.Report) *table {
	t := &table{Head: []string{"feature", ">effect", "more of it"}}
	for _, x := range r.Top {
		t.Rows = append(t.Rows, []string{x.Feature, strconv.FormatFloat(x.Effect, 'f', 3, 64), direction(x)})
	}
	return t
}

// clear is the correlation from which on a feature has a direction.
const clear = 0.5

func direction(x learn.Importance) string {
	switch {
	case x.Direction >= clear:
		return "raises the score"
	case x.Direction <= -clear:
		return "lowers the score"
	}
	return "either way"
}

func training(r learn.Report) *table {
	t := &table{Head: []string{"learned from", ">rows", ">happened"}}
	for _, c := range r.Training {
		t.Rows = append(t.Rows, []string{c.Day, explain.Format(c.Rows, ""), percent(c.Rate)})
	}
	return t
}

func choiceText(r learn.Report) []string {
	if r.Choice == nil {
		return nil
	}
	out := []string{fmt.Sprintf("Chosen: %s. %s", r.Chosen, r.Choice.Why)}
	w := r.Choice.Work
	text := fmt.Sprintf("Work: %.2g looks at a value of %.2g allowed, on %s of the rows of each fold", w.Done, w.Bound, percent(w.Share))
	if w.FoldsLeftOut > 0 {
		text += fmt.Sprintf("; folds left out: %d", w.FoldsLeftOut)
	}
	if len(w.Dropped) > 0 {
		text += "; too dear to try: " + strings.Join(w.Dropped, ", ")
	}
	return append(out, text+".")
}

func folds(r learn.Report) *table {
	t := &table{Head: []string{"learned from", ">rows", "judged on", ">rows", ""}}
	if r.Choice == nil {
		return t
	}
	for _, f := range r.Choice.Folds {
		t.Rows = append(t.Rows, []string{f.Learn, explain.Format(float64(f.TrainRows), ""), f.Judge, explain.Format(float64(f.JudgeRows), ""), f.Skipped})
	}
	return t
}

func tried(r learn.Report) *table {
	t := &table{Head: []string{"candidate", ">log loss", ">behind", ">standard error", ">AUC"}}
	if r.Choice == nil {
		return t
	}
	ordered := r.Choice.By == choose.ByCustomer
	if ordered {
		t.Head = []string{"candidate", ">" + string(r.Choice.By), ">behind", ">standard error", ">log loss", ">AUC"}
	}
	for _, x := range r.Choice.Tried {
		name := x.Name
		if name == r.Chosen {
			name += " (chosen)"
		}
		row := []string{name, figure(x.LogLoss), figure(x.Behind), figure(x.SE), number(x.AUC)}
		if ordered {
			row = []string{name, figure(x.Cost), figure(x.Behind), figure(x.SE), figure(x.LogLoss), number(x.AUC)}
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func figure(v float64) string { return strconv.FormatFloat(v, 'f', 5, 64) }

func calibrationText(r learn.Report) []string {
	if r.Calibration == nil {
		return nil
	}
	return []string{r.Calibration.Reason, r.Calibration.Level.Reason}
}

func calibrators(r learn.Report) *table {
	t := &table{Head: []string{"calibrator", ">log loss", ">calibration error"}}
	if r.Calibration == nil {
		return t
	}
	for _, c := range r.Calibration.Candidates {
		t.Rows = append(t.Rows, []string{c.Name, number(c.LogLoss), number(c.CalibrationError)})
	}
	return t
}

func ruleText(r learn.Report) []string {
	if r.Rule == nil {
		return nil
	}
	return []string{fmt.Sprintf("%s: %s. It was searched among these; the AUC is that of each half of the customers ranked by the rates of the other.", r.Rule.Name, r.Rule.Words)}
}

func rules(r learn.Report) *table {
	t := &table{Head: []string{"rule", ">AUC"}}
	if r.Rule == nil {
		return t
	}
	for _, x := range r.Rule.Tried {
		t.Rows = append(t.Rows, []string{strings.TrimPrefix(x.Name, "rule: "), number(x.AUC)})
	}
	return t
}

func recipe(h models.Header, r learn.Report, m Made) *table {
	t := &table{Head: []string{"", ""}}
	add := func(name, value string) {
		if value != "" && value != "0" {
			t.Rows = append(t.Rows, []string{name, value})
		}
	}
	add("version", h.Version)
	add("estimator", h.Estimator)
	add("hyper-parameters", string(h.Params))
	add("parts", strconv.Itoa(h.Members))
	add("seed", strconv.FormatUint(max(h.Seed, r.Seed), 10))
	add("cutoffs", strings.Join(h.Cutoffs, ", "))
	add("horizon in days", strconv.Itoa(h.HorizonDays))
	add("rows learned from", explain.Format(float64(h.Rows), ""))
	add("of these it happened to", explain.Format(float64(h.Positives), ""))
	add("features", strconv.Itoa(len(h.Features)))
	if m.Night > 0 {
		add("learned by", fmt.Sprintf("night %d, started %s", m.Night, m.At.UTC().Format("2006-01-02 15:04 MST")))
		add("time that took", m.Took.Round(100*time.Millisecond).String())
	}
	return t
}
