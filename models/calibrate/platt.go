package calibrate

import (
	"math"

	"github.com/mainstay-etl/mainstay/models"
)

// Platt is a straight line in log-odds: Logit(calibrated) = A*Logit(p) + B, A >= 0
// (Platt 1999, with log-odds for the score). A < 1 says that the model was too sure.
type Platt struct{ A, B float64 }

// Apply moves p along the line.
func (c Platt) Apply(p float64) float64 { return sigmoid(c.A*models.Logit(p) + c.B) }

// Name is "platt".
func (Platt) Name() string { return NamePlatt }

// FitPlatt finds A and B by maximum likelihood with Platt's targets, which keep a
// small sample from certainty: (N+ + 1)/(N+ + 2) for positives and 1/(N- + 2) for
// negatives. It uses Newton's method with the step halved until the loss falls (Lin, Lin,
// Weng 2007). A score that ranks backwards is not turned around, it is no score: A is
// then 0 and every row gets the base rate.
func FitPlatt(p []float64, labels []bool, weights []float64) (Platt, error) {
	w, err := checkRows(p, labels, weights)
	if err != nil {
		return Platt{}, err
	}
	f := newPlattFit(p, labels, w)
	c := f.newton(Platt{B: f.rate()})
	if c.A < 0 {
		c = Platt{B: f.rate()}
	}
	return c, nil
}

// plattFit is the likelihood of one fit.
type plattFit struct {
	x, target, weight []float64
}

func newPlattFit(p []float64, labels []bool, w []float64) plattFit {
	f := plattFit{x: make([]float64, len(p)), target: make([]float64, len(p)), weight: w}
	positives, negatives := 0.0, 0.0
	for i, l := range labels {
		if l {
			positives += w[i]
		} else {
			negatives += w[i]
		}
	}
	for i, l := range labels {
		f.x[i] = models.Logit(p[i])
		f.target[i] = 1 / (negatives + 2)
		if l {
			f.target[i] = (positives + 1) / (positives + 2)
		}
	}
	return f
}

// rate is the mean target in log-odds: the best B for A = 0.
func (f plattFit) rate() float64 {
	sum, total := 0.0, 0.0
	for i, t := range f.target {
		sum += f.weight[i] * t
		total += f.weight[i]
	}
	return math.Log(sum) - math.Log(total-sum)
}

// loss is the negative log likelihood, in a form that cannot overflow.
func (f plattFit) loss(c Platt) float64 {
	sum := 0.0
	for i, x := range f.x {
		z := c.A*x + c.B
		sum += f.weight[i] * (math.Max(z, 0) - f.target[i]*z + math.Log1p(math.Exp(-math.Abs(z))))
	}
	return sum
}

// slopes are gradient and Hessian of the loss.
func (f plattFit) slopes(c Platt) (ga, gb, haa, hab, hbb float64) {
	for i, x := range f.x {
		q := 1 / (1 + math.Exp(-(c.A*x + c.B)))
		d, h := f.weight[i]*(q-f.target[i]), f.weight[i]*q*(1-q)
		ga, gb = ga+d*x, gb+d
		haa, hab, hbb = haa+h*x*x, hab+h*x, hbb+h
	}
	return ga, gb, haa, hab, hbb
}

func (f plattFit) newton(c Platt) Platt {
	loss := f.loss(c)
	for range 100 {
		ga, gb, haa, hab, hbb := f.slopes(c)
		n := float64(len(f.x))
		if math.Abs(ga)+math.Abs(gb) < 1e-11*n {
			break
		}
		ridge := 1e-12 * n // all scores equal: A and B say the same
		det := (haa+ridge)*(hbb+ridge) - hab*hab
		step := Platt{-(ga*(hbb+ridge) - gb*hab) / det, -(gb*(haa+ridge) - ga*hab) / det}
		next, lower := f.search(c, step, loss, ga*step.A+gb*step.B)
		if next == c {
			break // no step lowers it any more: rounding
		}
		c, loss = next, lower
	}
	return c
}

// search halves the step until the loss falls by a ten-thousandth of what the slope
// promises (Armijo 1966).
func (f plattFit) search(c, step Platt, loss, slope float64) (Platt, float64) {
	for t := 1.0; t > 1e-10; t /= 2 {
		next := Platt{c.A + t*step.A, c.B + t*step.B}
		if l := f.loss(next); l < loss+1e-4*t*slope {
			return next, l
		}
	}
	return c, loss
}
