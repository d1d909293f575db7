package clv

import (
	"fmt"
	"math"
	"sync"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/optimize"
)

// Outcome says how a maximum-likelihood fit went and what is used for predictions.
type Outcome struct {
	// Fallback is why the model is not used and the empirical rule predicts
	// instead; empty when the model is used.
	Fallback string `json:"fallback,omitempty"`
	// Converged: the gradient vanished at the best start, and another start
	// ended at the same likelihood.
	Converged bool `json:"converged"`
	// Limits names parameters that ran to the edge of what is searched, where the
	// model turns into a simpler one that is still a good model.
	Limits        []string `json:"limits,omitempty"`
	LogLikelihood float64  `json:"log_likelihood"` // of all customers used, at the parameters
	Customers     float64  `json:"customers"`      // that were learned from
	Starts        int      `json:"starts"`
	Agreeing      int      `json:"agreeing"` // starts that ended within 1e-6 per customer of the best
	Evaluations   int      `json:"evaluations"`
	Gradient      float64  `json:"gradient"` // largest component per customer, in log parameters
	// StdErr is the standard error of the logarithm of each parameter, that is
	// its relative error. Empty when the likelihood is flat in some direction:
	// then parameters mean little one by one, though predictions may be good.
	StdErr []float64 `json:"std_err,omitempty"`
}

const (
	sameLikelihood = 1e-6 // per customer
	flat           = 1e-6 // gradient per customer that counts as none
	wantGradient   = 1e-8 // gradient at which a start stops
	slack          = 3.0  // how far beyond an edge a logarithm may be evaluated
)

// problem is a mean negative log-likelihood per customer over log parameters.
type problem struct {
	nll    func(theta, grad []float64) float64 // fills grad; may be called concurrently
	lo, hi []float64                           // edges of what is searched
	weight float64                             // customers
}

// eval is the likelihood with a quadratic wall beyond the edges: inside, it is
// the likelihood itself; outside, the gradient leads back.
func (p problem) eval(theta, grad []float64) float64 {
	in := make([]float64, len(theta))
	for i, v := range theta {
		in[i] = math.Min(math.Max(v, p.lo[i]-slack), p.hi[i]+slack)
	}
	f := p.nll(in, grad)
	for i, v := range theta {
		if in[i] != v {
			grad[i] = 0
		}
		d := v - math.Min(math.Max(v, p.lo[i]), p.hi[i])
		f += d * d
		grad[i] += 2 * d
	}
	if math.IsNaN(f) {
		return math.Inf(1)
	}
	return f
}

type solution struct {
	theta []float64
	f     float64
	slope float64 // largest gradient component
	evals int
}

// minimise runs one start: BFGS, and where its line search gives up early, a
// simplex search and BFGS again from there.
func (p problem) minimise(start []float64) solution {
	best := p.run(start, &optimize.BFGS{}, 300)
	if best.slope > flat {
		rough := p.run(best.theta, &optimize.NelderMead{}, 600)
		again := p.run(rough.theta, &optimize.BFGS{}, 300)
		again.evals += best.evals + rough.evals
		if again.f <= best.f {
			return again
		}
		best.evals = again.evals
	}
	return best
}

func (p problem) run(start []float64, method optimize.Method, iterations int) solution {
	n := len(start)
	at, grad := make([]float64, n), make([]float64, n)
	f, evals := math.NaN(), 0
	visit := func(x []float64) { // Func and Grad are asked for the same point
		same := evals > 0
		for i := range x {
			same = same && x[i] == at[i]
		}
		if !same {
			copy(at, x)
			f = p.eval(at, grad)
			evals++
		}
	}
	// An error means that the search stopped early; the slope decides whether it
	// got there all the same.
	r, err := optimize.Minimize(optimize.Problem{
		Func: func(x []float64) float64 { visit(x); return f },
		Grad: func(g, x []float64) { visit(x); copy(g, grad) },
	}, start, &optimize.Settings{
		GradientThreshold: wantGradient,
		MajorIterations:   iterations,
		Converger:         &optimize.FunctionConverge{Absolute: 1e-14, Iterations: 30},
	}, method)
	end := start
	if r != nil && (err == nil || !math.IsInf(r.F, 1)) {
		end = r.X
	}
	visit(end)
	s := solution{theta: append([]float64(nil), end...), f: f, evals: evals}
	for _, g := range grad {
		s.slope = math.Max(s.slope, math.Abs(g))
	}
	if math.IsNaN(s.slope) || math.IsInf(f, 0) {
		s.slope = math.MaxFloat64
	}
	return s
}

// solve runs every start, each on its own, and reports the best, the first of
// equals. Theta is within the
// edges; atEdge tells for each parameter -1, 0 or 1.
func (p problem) solve(starts [][]float64) (theta []float64, atEdge []int, o Outcome) {
	ends := make([]solution, len(starts))
	var wg sync.WaitGroup
	for i, start := range starts {
		wg.Go(func() { ends[i] = p.minimise(start) })
	}
	wg.Wait()
	best := ends[0]
	for _, s := range ends {
		if o.Evaluations += s.evals; s.f < best.f {
			best = s
		}
	}
	for _, s := range ends {
		if s.f-best.f <= sameLikelihood {
			o.Agreeing++
		}
	}
	atEdge = make([]int, len(best.theta))
	for i, v := range best.theta {
		switch {
		case v <= p.lo[i]:
			atEdge[i], best.theta[i] = -1, p.lo[i]
		case v >= p.hi[i]:
			atEdge[i], best.theta[i] = 1, p.hi[i]
		}
	}
	o.Starts, o.Gradient, o.Customers = len(starts), best.slope, p.weight
	o.LogLikelihood = -p.nll(best.theta, make([]float64, len(best.theta))) * p.weight
	o.Converged = best.slope <= flat && o.Agreeing >= 2
	o.StdErr = p.stdErr(best.theta)
	switch {
	case math.IsNaN(o.LogLikelihood) || math.IsInf(o.LogLikelihood, 0):
		o.LogLikelihood, o.Converged = 0, false
		o.Fallback = "the likelihood is not finite"
	case best.slope > flat:
		o.Fallback = fmt.Sprintf("the search did not converge: a gradient of %.3g per customer remained", best.slope)
	case o.Agreeing < 2:
		o.Fallback = fmt.Sprintf("only one of %d starts reached the best likelihood", len(starts))
	}
	return best.theta, atEdge, o
}

// stdErr inverts the observed information: central differences of the gradient.
func (p problem) stdErr(theta []float64) []float64 {
	const step = 1e-4
	n := len(theta)
	up, down := make([]float64, n), make([]float64, n)
	at := append([]float64(nil), theta...)
	h := mat.NewDense(n, n, nil)
	for i := range theta {
		at[i] = theta[i] + step
		p.nll(at, up)
		at[i] = theta[i] - step
		p.nll(at, down)
		at[i] = theta[i]
		for j := range theta {
			h.Set(i, j, (up[j]-down[j])/(2*step)*p.weight)
		}
	}
	sym := mat.NewSymDense(n, nil)
	for i := range theta {
		for j := i; j < n; j++ {
			sym.SetSym(i, j, (h.At(i, j)+h.At(j, i))/2)
		}
	}
	var chol mat.Cholesky
	if !finite(sym.RawSymmetric().Data...) || !chol.Factorize(sym) || chol.Cond() > 1e10 {
		return nil
	}
	var inv mat.SymDense
	if chol.InverseTo(&inv) != nil {
		return nil
	}
	se := make([]float64, n)
	for i := range se {
		se[i] = math.Sqrt(inv.At(i, i))
	}
	if !finite(se...) {
		return nil
	}
	return se
}

func finite(values ...float64) bool {
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}

func logs(values ...float64) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = math.Log(v)
	}
	return out
}
