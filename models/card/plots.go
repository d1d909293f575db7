package card

import (
	"fmt"
	"math"
	"strconv"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/learn"
)

// Box of a square plot: the drawing area inside its labels.
const (
	boxWidth, boxHeight = 420, 360
	left, right         = 56, 26
	above, below        = 12, 46
)

// axes draws a grid with percentages on both sides and names below and beside it.
func (p *plot) axes(x, y scale, xName, yName string) {
	for _, v := range x.ticks(5) {
		p.line("grid", x.at(v), y.from, x.at(v), y.to)
		p.text("tick", "middle", x.at(v), y.from+16, share(v))
	}
	for _, v := range y.ticks(5) {
		p.line("grid", x.from, y.at(v), x.to, y.at(v))
		p.text("tick", "end", x.from-6, y.at(v)+4, share(v))
	}
	p.text("axis", "middle", (x.from+x.to)/2, y.from+36, xName)
	fmt.Fprintf(&p.body, `<g transform="translate(14 %s) rotate(-90)">`, at((y.from+y.to)/2))
	p.text("axis", "middle", 0, 0, yName)
	p.body.WriteString(`</g>`)
}

func share(v float64) string { return strconv.FormatFloat(math.Round(v*1000)/10, 'f', -1, 64) + " %" }

// reliabilityPlot draws predicted against happened, with intervals.
func reliabilityPlot(r learn.Report) *plot {
	p := newPlot(boxWidth, boxHeight, "Reliability: predicted probability against the share to which it happened")
	high := 0.0
	for _, b := range r.Bins {
		high = max(high, b.Probability, b.High)
	}
	if len(r.Bins) == 0 {
		return p
	}
	high = math.Min(1, math.Ceil(high*10)/10)
	x, y := scale{0, high, left, boxWidth - right}, scale{0, high, boxHeight - below, above}
	p.axes(x, y, "predicted", "happened")
	p.line("ideal", x.at(0), y.at(0), x.at(high), y.at(high))
	var points [][2]float64
	for _, b := range r.Bins {
		points = append(points, [2]float64{x.at(b.Probability), y.at(b.Rate)})
	}
	p.path("model line", points)
	for _, b := range r.Bins {
		p.line("model whisker", x.at(b.Probability), y.at(b.Low), x.at(b.Probability), y.at(b.High))
		p.dot("model dot", x.at(b.Probability), y.at(b.Rate), 4, fmt.Sprintf("predicted %s, happened %s", percent(b.Probability), percent(b.Rate)))
	}
	return p
}

// gainPlot draws how many are met when the best rows come first.
func gainPlot(r learn.Report) *plot {
	p := newPlot(boxWidth, boxHeight, "Gain: share of all positives found among the best scored rows, model against rule")
	if len(r.Gains) == 0 {
		return p
	}
	x, y := scale{0, 1, left, boxWidth - right}, scale{0, 1, boxHeight - below, above}
	p.axes(x, y, "rows worked off, best first", "met of those to whom it happened")
	p.line("ideal", x.at(0), y.at(0), x.at(1), y.at(1))
	model, rule := [][2]float64{{x.at(0), y.at(0)}}, [][2]float64{{x.at(0), y.at(0)}}
	for _, g := range r.Gains {
		model = append(model, [2]float64{x.at(g.Share), y.at(g.Captured)})
		rule = append(rule, [2]float64{x.at(g.Share), y.at(g.Rule)})
	}
	p.path("rule line", rule)
	p.path("model line", model)
	for _, g := range r.Gains {
		p.dot("model dot", x.at(g.Share), y.at(g.Captured), 3, fmt.Sprintf("%s of the rows, %s met; by the rule %s", percent(g.Share), percent(g.Captured), percent(g.Rule)))
	}
	for i, k := range []struct{ class, name string }{{"model", "model"}, {"rule", "best simple rule"}, {"ideal", "chance"}} {
		height := y.at(0) - 58 + float64(i)*18
		p.line(k.class+" line", x.at(0.58), height, x.at(0.66), height)
		p.text("tick", "start", x.at(0.68), height+4, k.name)
	}
	return p
}

// plotted is how many features a picture shows.
const plotted = 12

// topPlot draws the effects of the features that move scores most.
func topPlot(r learn.Report) *plot {
	features := r.Top[:min(len(r.Top), plotted)]
	const names, row = 190, 24
	p := newPlot(2*boxWidth, float64(len(features)*row+14), "Mean effect of each feature in log-odds")
	if len(features) == 0 {
		return p
	}
	x := scale{0, features[0].Effect, names, 2*boxWidth - 240}
	for i, f := range features {
		top := float64(i*row + 6)
		class, words := "mixed", "either way"
		switch {
		case f.Direction >= clear:
			class, words = "raises", "more of it raises the score"
		case f.Direction <= -clear:
			class, words = "lowers", "more of it lowers the score"
		}
		p.text("name", "end", names-8, top+14, f.Feature)
		p.bar(class, x.from, top, x.at(f.Effect)-x.from, row-6, f.Feature+": "+words)
		p.text("tick", "start", x.at(f.Effect)+6, top+13, strconv.FormatFloat(f.Effect, 'f', 3, 64)+" "+words)
	}
	return p
}

// intervalPlot draws the AUC of model, rule and champion with their intervals.
func intervalPlot(r learn.Report) *plot {
	type one struct {
		name string
		m    models.Metric
	}
	var all []one
	low, high := 1.0, 0.0
	for _, e := range estimators(r) {
		if m, ok := metric(r, e, models.AUC); ok && m.High > 0 {
			all = append(all, one{e, m})
			low, high = min(low, m.Low), max(high, m.High)
		}
	}
	const names, row = 230, 34
	p := newPlot(2*boxWidth, float64(len(all)*row+44), "AUC with 95 % intervals")
	if len(all) == 0 {
		return p
	}
	low, high = math.Floor(math.Min(low, 0.5)*20)/20, math.Ceil(high*20)/20
	x := scale{low, high, names, 2*boxWidth - 90}
	bottom := float64(len(all)*row + 8)
	for _, v := range x.ticks(6) {
		p.line("grid", x.at(v), 4, x.at(v), bottom)
		p.text("tick", "middle", x.at(v), bottom+16, strconv.FormatFloat(v, 'f', 2, 64))
	}
	p.text("tick", "middle", x.at(0.5), bottom+32, "chance")
	for i, o := range all {
		y := float64(i*row + 24)
		class := []string{"model", "rule", "old"}[min(i, 2)]
		p.text("name", "end", names-12, y+4, shorten(o.name, 34))
		p.line(class+" bar", x.at(o.m.Low), y, x.at(o.m.High), y)
		p.dot(class+" dot", x.at(o.m.Value), y, 5, fmt.Sprintf("%s: %s", o.name, value(o.m, true)))
		p.text("tick", "start", x.at(high)+10, y+4, strconv.FormatFloat(o.m.Value, 'f', 4, 64))
	}
	return p
}

func shorten(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
