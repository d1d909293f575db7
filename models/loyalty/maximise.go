package loyalty

import (
	"errors"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

const (
	maxSteps = 200
	// tolerance is the largest gradient, per customer, that counts as none.
	tolerance = 1e-10
)

// maximise finds the parameters of the greatest penalised likelihood with coefficients of
// at least 0: Newton's method on those that are free, with projected backtracking
// (Bertsekas 1982). The objective is strictly convex, so there is one answer.
func (d *design) maximise() ([width]float64, error) {
	var theta [width]float64
	for j, scale := range d.scale {
		if scale > 0 {
			theta[j+1] = 0.1 // off the border, so that it starts free
		}
	}
	value := d.objective(theta)
	for range maxSteps {
		gradient, hessian := d.slope(theta)
		free := d.free(theta, gradient)
		if settled(gradient, free, float64(len(d.x))) {
			return theta, nil
		}
		step, err := newton(gradient, hessian, free)
		if err != nil {
			return theta, err
		}
		next, lower := d.backtrack(theta, value, gradient, step)
		if !lower {
			return theta, nil // as low as numbers go
		}
		theta, value = next, d.objective(next)
	}
	return theta, errors.New("no maximum of the likelihood found")
}

// free tells which parameters may move: not a coefficient at 0 that wants to be negative,
// and not that of a term which is the same for all.
func (d *design) free(theta, gradient [width]float64) [width]bool {
	var free [width]bool
	free[0] = true
	for j := 1; j < width; j++ {
		free[j] = d.scale[j-1] > 0 && (theta[j] > 0 || gradient[j] < 0)
	}
	return free
}

func settled(gradient [width]float64, free [width]bool, n float64) bool {
	for j, g := range gradient {
		if free[j] && math.Abs(g) > tolerance*n {
			return false
		}
	}
	return true
}

// newton is the step to the minimum of the quadratic in the free parameters.
func newton(gradient [width]float64, hessian [width][width]float64, free [width]bool) (step [width]float64, err error) {
	at := indexes(free)
	h, g := mat.NewSymDense(len(at), nil), mat.NewVecDense(len(at), nil)
	for a, j := range at {
		g.SetVec(a, -gradient[j])
		for b, k := range at[:a+1] {
			h.SetSym(a, b, hessian[j][k])
		}
	}
	var c mat.Cholesky
	if !c.Factorize(h) {
		return step, errors.New("the terms cannot be told apart")
	}
	var s mat.VecDense
	if err := c.SolveVecTo(&s, g); err != nil {
		return step, err
	}
	for a, j := range at {
		step[j] = s.AtVec(a)
	}
	return step, nil
}

// backtrack takes the step, or a part of it, with negative coefficients put to 0, until
// the objective is lower.
func (d *design) backtrack(theta [width]float64, value float64, gradient, step [width]float64) ([width]float64, bool) {
	for t := 1.0; t > 1e-14; t /= 2 {
		next, gain := theta, 0.0
		for j := range next {
			next[j] += t * step[j]
			if j > 0 {
				next[j] = math.Max(next[j], 0)
			}
			gain += gradient[j] * (theta[j] - next[j])
		}
		if gain > 0 && d.objective(next) <= value-1e-4*gain {
			return next, true
		}
	}
	return theta, false
}

func indexes(free [width]bool) []int {
	var at []int
	for j, f := range free {
		if f {
			at = append(at, j)
		}
	}
	return at
}

// standardErrors are those of the sandwich that allows rows of one group to be alike
// (Liang, Zeger 1986), for intercept and coefficients of log(1 + x). Parameters at 0 are
// taken as known.
func (d *design) standardErrors(theta [width]float64) (intercept float64, coefficients [terms]float64, err error) {
	gradient, hessian := d.slope(theta)
	at := indexes(d.free(theta, gradient))
	bread := mat.NewSymDense(len(at), nil)
	for a, j := range at {
		for b, k := range at[:a+1] {
			bread.SetSym(a, b, hessian[j][k])
		}
	}
	var c mat.Cholesky
	if !c.Factorize(bread) {
		return 0, coefficients, errors.New("finding standard errors: the terms cannot be told apart")
	}
	var inverse mat.SymDense
	if err := c.InverseTo(&inverse); err != nil {
		return 0, coefficients, err
	}
	var half, covariance mat.Dense
	half.Mul(&inverse, d.meat(theta, at))
	covariance.Mul(&half, &inverse)

	// To the scale of log(1 + x): coefficient_j = theta_j / scale_j, and the intercept is
	// theta_0 - sum(theta_j * mean_j / scale_j).
	back := mat.NewVecDense(len(at), nil)
	for j := range coefficients {
		coefficients[j] = math.NaN()
	}
	for a, j := range at {
		if j == 0 {
			back.SetVec(a, 1)
			continue
		}
		coefficients[j-1] = math.Sqrt(covariance.At(a, a)) / d.scale[j-1]
		back.SetVec(a, -d.mean[j-1]/d.scale[j-1])
	}
	return math.Sqrt(mat.Inner(back, &covariance, back)), coefficients, nil
}

// meat is the sum over groups of the outer product of their summed scores.
func (d *design) meat(theta [width]float64, at []int) *mat.SymDense {
	sums := make([][width]float64, slices.Max(d.groups)+1)
	for i, g := range d.groups {
		residual := sigmoid(d.score(i, theta))
		if d.again[i] {
			residual--
		}
		for j, x := range d.inputs(i) {
			sums[g][j] += residual * x
		}
	}
	m := mat.NewSymDense(len(at), nil)
	for _, s := range sums {
		for a, j := range at {
			for b, k := range at[:a+1] {
				m.SetSym(a, b, m.At(a, b)+s[j]*s[k])
			}
		}
	}
	return m
}
