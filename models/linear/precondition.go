package linear

import "math"

// upper is U of a Cholesky factorisation H = U'U, row after row.
type upper struct {
	n int
	u []float64
}

// preconditionRows is how many rows the Hessian is estimated from: it steers the search
// and has no part in the result.
const preconditionRows = 4_000

// precondition factors the Hessian of the loss at the start, where all rows have the
// probability rate. In coordinates u = U theta the loss curves equally in all directions.
func (d *design) precondition(rate float64) upper {
	n := len(d.inputs) + 1
	h := upper{n, make([]float64, n*n)}
	step := max(1, d.rows/preconditionRows)
	used, x := 0, make([]float64, n)
	for i := 0; i < d.rows; i += step {
		used++
		x[0] = 1
		for k, v := range d.row(i) {
			x[k+1] = float64(v)
		}
		for a, v := range x {
			v *= d.weights[i]
			line := h.u[a*n : (a+1)*n]
			for b := a; b < n; b++ {
				line[b] += v * x[b]
			}
		}
	}
	scale := rate * (1 - rate) / float64(used)
	for i := range h.u {
		h.u[i] *= scale
	}
	for a := 1; a < n; a++ {
		h.u[a*n+a] += d.penalty
	}
	h.factor()
	return h
}

// factor turns H (its upper half) into U. A pivot that rounding or copies of a column
// leave without substance is raised: a poorer guide, still a valid one.
func (h upper) factor() {
	for a := range h.n {
		line := h.u[a*h.n : (a+1)*h.n]
		pivot := math.Sqrt(math.Max(line[a], 1e-8))
		line[a] = pivot
		for b := a + 1; b < h.n; b++ {
			line[b] /= pivot
		}
		for c := a + 1; c < h.n; c++ {
			v, below := line[c], h.u[c*h.n:(c+1)*h.n]
			for b := c; b < h.n; b++ {
				below[b] -= v * line[b]
			}
		}
	}
}

// times is U theta.
func (h upper) times(theta []float64) []float64 {
	out := make([]float64, h.n)
	for a := range h.n {
		for b := a; b < h.n; b++ {
			out[a] += h.u[a*h.n+b] * theta[b]
		}
	}
	return out
}

// back solves U theta = u.
func (h upper) back(u, theta []float64) {
	for a := h.n - 1; a >= 0; a-- {
		v := u[a]
		for b := a + 1; b < h.n; b++ {
			v -= h.u[a*h.n+b] * theta[b]
		}
		theta[a] = v / h.u[a*h.n+a]
	}
}

// forward solves U' x = g in place: a gradient by theta becomes one by u.
func (h upper) forward(g []float64) {
	for a := range h.n {
		g[a] /= h.u[a*h.n+a]
		for b := a + 1; b < h.n; b++ {
			g[b] -= h.u[a*h.n+b] * g[a]
		}
	}
}
