package loyalty

import "math"

// width is the number of parameters: the intercept, then the coefficients.
const width = terms + 1

// design holds the customers as the optimiser sees them: log(1 + x), centred and scaled
// to deviation 1, so that steps and the ridge mean the same in every direction. Scales are
// positive, so a coefficient is at least 0 in both forms.
type design struct {
	x      [][terms]float64
	again  []bool
	groups []int
	mean   [terms]float64
	scale  [terms]float64 // 0: the term is the same for all, and its coefficient 0
}

func newDesign(customers []Customer) *design {
	d := &design{x: make([][terms]float64, len(customers)), again: make([]bool, len(customers)), groups: make([]int, len(customers))}
	n := float64(len(customers))
	for i, c := range customers {
		d.again[i], d.groups[i] = c.Again, c.Group
		for j, x := range c.Yearly {
			d.x[i][j] = math.Log1p(x)
			d.mean[j] += d.x[i][j] / n
		}
	}
	var variance [terms]float64
	for _, row := range d.x {
		for j, x := range row {
			variance[j] += (x - d.mean[j]) * (x - d.mean[j]) / n
		}
	}
	for j, v := range variance {
		if v > 1e-18 {
			d.scale[j] = math.Sqrt(v)
		}
	}
	for i := range d.x {
		for j := range d.x[i] {
			if d.scale[j] == 0 {
				d.x[i][j] = 0
				continue
			}
			d.x[i][j] = (d.x[i][j] - d.mean[j]) / d.scale[j]
		}
	}
	return d
}

// unscale gives intercept and coefficients for log(1 + x) itself.
func (d *design) unscale(theta [width]float64) (intercept float64, coefficients [terms]float64) {
	intercept = theta[0]
	for j := range terms {
		if d.scale[j] > 0 {
			coefficients[j] = theta[j+1] / d.scale[j]
			intercept -= coefficients[j] * d.mean[j]
		}
	}
	return intercept, coefficients
}

// score is the linear part for one customer.
func (d *design) score(i int, theta [width]float64) float64 {
	z := theta[0]
	for j, x := range d.x[i] {
		z += theta[j+1] * x
	}
	return z
}

// logLikelihood is that of the outcomes, without the penalty.
func (d *design) logLikelihood(theta [width]float64) float64 {
	total := 0.0
	for i := range d.x {
		z := d.score(i, theta)
		if !d.again[i] {
			z = -z
		}
		total -= softplus(-z)
	}
	return total
}

// objective is what is minimised: the penalised negative log-likelihood.
func (d *design) objective(theta [width]float64) float64 {
	value := -d.logLikelihood(theta)
	for j := 1; j < width; j++ {
		value += Ridge / 2 * theta[j] * theta[j]
	}
	return value
}

// slope is the gradient and the Hessian of the objective.
func (d *design) slope(theta [width]float64) (gradient [width]float64, hessian [width][width]float64) {
	for i := range d.x {
		p := sigmoid(d.score(i, theta))
		residual, weight := p, p*(1-p)
		if d.again[i] {
			residual = p - 1
		}
		row := d.inputs(i)
		for j, a := range row {
			gradient[j] += residual * a
			for k := 0; k <= j; k++ {
				hessian[j][k] += weight * a * row[k]
			}
		}
	}
	for j := range width {
		if j > 0 {
			gradient[j] += Ridge * theta[j]
			hessian[j][j] += Ridge
		}
		for k := range j {
			hessian[k][j] = hessian[j][k]
		}
	}
	return gradient, hessian
}

// inputs are what the parameters multiply: 1 for the intercept, then the terms.
func (d *design) inputs(i int) [width]float64 {
	row := [width]float64{1}
	copy(row[1:], d.x[i][:])
	return row
}

// softplus is log(1 + exp(z)) without overflow.
func softplus(z float64) float64 { return math.Max(z, 0) + math.Log1p(math.Exp(-math.Abs(z))) }

func sigmoid(z float64) float64 {
	if z >= 0 {
		return 1 / (1 + math.Exp(-z))
	}
	e := math.Exp(z)
	return e / (1 + e)
}
