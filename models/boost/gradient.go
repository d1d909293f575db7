package boost

import "math"

// Gradients of the log loss are rounded to whole numbers, up or down at random so that
// sums stay right on average (Shi et al. 2022). A unit is chosen such that the sums over
// all rows use half of 32 bits: with a million rows a gradient has some 3,000 steps, with
// ten thousand rows 300,000.
const mostUnits = 1 << 30

// gradients holds, per row, the score so far and the packed gradient.
type gradients struct {
	team    *team
	labels  []bool
	weights []float64 // nil: all 1
	scores  []float64
	packed  []uint64
	// What a unit of a packed sum is.
	gradientUnit, hessianUnit float64
	sums                      []sums // by block of rows
	expected                  sums   // over all rows, in the next round
}

// sums of magnitudes.
type sums struct{ gradient, hessian float64 }

func newGradients(labels []bool, weights []float64, base float64, t *team) *gradients {
	n := len(labels)
	g := &gradients{team: t, labels: labels, weights: weights, scores: make([]float64, n), packed: make([]uint64, n)}
	for i := range g.scores {
		g.scores[i] = base
	}
	g.sums = make([]sums, (n+blockRows-1)/blockRows)
	p, total := sigmoid(base), 0.0
	for i := range n {
		total += g.weight(i)
	}
	g.expected = sums{2 * total * p * (1 - p), total * p * (1 - p)}
	return g
}

func (g *gradients) weight(i int) float64 {
	if g.weights == nil {
		return 1
	}
	return g.weights[i]
}

// setUnits chooses units by the sums to expect.
func (g *gradients) setUnits(s sums) {
	g.gradientUnit = math.Max(s.gradient, 1e-9) / mostUnits
	g.hessianUnit = math.Max(s.hessian, 1e-9) / mostUnits
}

// update adds what the last tree answers (nil: none) and computes the gradients anew.
// The unit comes from the sums of the round before. Should the new ones be too large for
// it, which a tree that makes the loss grow could bring about, they are rounded again.
func (g *gradients) update(answers []float64, leaves []uint16, rounding stream) {
	g.setUnits(g.expected)
	g.each(answers, leaves, rounding)
	g.expected = g.total()
	if g.expected.gradient > 1.9*mostUnits*g.gradientUnit || g.expected.hessian > 1.9*mostUnits*g.hessianUnit {
		g.setUnits(g.expected)
		g.each(nil, nil, rounding)
	}
}

func (g *gradients) total() (s sums) {
	for _, b := range g.sums {
		s.gradient, s.hessian = s.gradient+b.gradient, s.hessian+b.hessian
	}
	return s
}

func (g *gradients) each(answers []float64, leaves []uint16, rounding stream) {
	g.team.blocks(len(g.labels), blockRows, func(_, from, to int) {
		if answers != nil {
			for i := from; i < to; i++ {
				g.scores[i] += answers[leaves[i]]
			}
		}
		g.sums[from/blockRows] = g.block(from, to, rounding)
	})
}

func (g *gradients) block(from, to int, rounding stream) (s sums) {
	perGradient, perHessian := 1/g.gradientUnit, 1/g.hessianUnit
	for i := from; i < to; i++ {
		p := sigmoid(g.scores[i])
		d, h := p-float64(number(g.labels[i])), p*(1-p)
		if g.weights != nil {
			d, h = d*g.weights[i], h*g.weights[i]
		}
		s.gradient += math.Abs(d)
		s.hessian += h
		r := rounding.at(i)
		g.packed[i] = pack(float64(d*perGradient), float64(h*perHessian), r)
	}
	return s
}

// number is 1 for true, without a branch: labels are hard to guess.
func number(label bool) (n int) {
	if label {
		n = 1
	}
	return n
}

// pack rounds both with 32 random bits each.
func pack(gradient, hessian float64, random uint64) uint64 {
	const shift = 1 << 33 // makes the conversion, which cuts off, round down
	up, up2 := float64(random>>32)*0x1p-32, float64(uint32(random))*0x1p-32
	return uint64(int64(gradient+up+shift)-shift)<<32 + uint64(int64(hessian+up2))
}
