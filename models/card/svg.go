package card

import (
	"fmt"
	"html"
	"math"
	"strconv"
	"strings"
)

// plot is a picture in the making: SVG elements in a box, with classes that the style of
// the page colours for light and dark.
type plot struct {
	width, height float64
	label         string // for who cannot see it
	body          strings.Builder
	drawn         bool
}

func newPlot(width, height float64, label string) *plot {
	return &plot{width: width, height: height, label: label}
}

func (p *plot) empty() bool { return !p.drawn }

// Size is the class of its frame.
func (p *plot) Size() string {
	if p.width > boxWidth {
		return "full"
	}
	return "narrow"
}

// SVG is the picture as an element.
func (p *plot) SVG() string {
	return fmt.Sprintf(`<svg viewBox="0 0 %s %s" role="img" aria-label="%s" xmlns="http://www.w3.org/2000/svg">%s</svg>`,
		at(p.width), at(p.height), html.EscapeString(p.label), p.body.String())
}

// at writes a coordinate.
func at(v float64) string { return strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64) }

func (p *plot) line(class string, x1, y1, x2, y2 float64) {
	fmt.Fprintf(&p.body, `<line class="%s" x1="%s" y1="%s" x2="%s" y2="%s"/>`, class, at(x1), at(y1), at(x2), at(y2))
}

func (p *plot) dot(class string, x, y, r float64, tip string) {
	p.drawn = true
	fmt.Fprintf(&p.body, `<circle class="%s" cx="%s" cy="%s" r="%s"><title>%s</title></circle>`, class, at(x), at(y), at(r), html.EscapeString(tip))
}

func (p *plot) bar(class string, x, y, w, h float64, tip string) {
	p.drawn = true
	fmt.Fprintf(&p.body, `<rect class="%s" x="%s" y="%s" width="%s" height="%s" rx="2"><title>%s</title></rect>`, class, at(x), at(y), at(w), at(h), html.EscapeString(tip))
}

// text is anchored at start, middle or end.
func (p *plot) text(class, anchor string, x, y float64, s string) {
	fmt.Fprintf(&p.body, `<text class="%s" text-anchor="%s" x="%s" y="%s">%s</text>`, class, anchor, at(x), at(y), html.EscapeString(s))
}

func (p *plot) path(class string, points [][2]float64) {
	var d strings.Builder
	for i, q := range points {
		c := "L"
		if i == 0 {
			c = "M"
		}
		fmt.Fprintf(&d, "%s%s %s", c, at(q[0]), at(q[1]))
	}
	fmt.Fprintf(&p.body, `<path class="%s" d="%s"/>`, class, d.String())
}

// scale maps a range of values to a range of pixels.
type scale struct{ low, high, from, to float64 }

func (s scale) at(v float64) float64 {
	if s.high == s.low {
		return (s.from + s.to) / 2
	}
	return s.from + (v-s.low)/(s.high-s.low)*(s.to-s.from)
}

// ticks are about n round values inside the range.
func (s scale) ticks(n int) []float64 {
	step := math.Pow(10, math.Floor(math.Log10((s.high-s.low)/float64(n))))
	for _, f := range []float64{1, 2, 5, 10} {
		if (s.high-s.low)/(step*f) <= float64(n)+1e-9 {
			step *= f
			break
		}
	}
	var out []float64
	for k := math.Ceil(s.low/step - 1e-9); k*step <= s.high+1e-9*step; k++ {
		out = append(out, k*step+0) // and not -0
	}
	return out
}
