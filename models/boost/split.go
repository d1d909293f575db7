package boost

import "math"

// split sends a row with bin b of a feature to the right when b > bin; missing values
// (bin 0) go left, or right when missingRight. left is the packed sum of the left side.
type split struct {
	feature      int32 // -1: none
	bin          uint8
	missingRight bool
	gain         float64 // in units of the loss
	left         uint64
}

var noSplit = split{feature: -1}

// goesRight tells where a bin goes. As bins are unsigned, bin 0 less 1 is above all.
func (s split) goesRight(bin uint8) bool {
	if s.missingRight {
		return bin-1 > s.bin-1
	}
	return bin > s.bin
}

// limits are the least and the most that a leaf below a node may answer, before the
// learning rate.
type limits struct{ low, high float64 }

var unlimited = limits{math.Inf(-1), math.Inf(1)}

func (l limits) clamp(v float64) float64 { return math.Min(math.Max(v, l.low), l.high) }

// judge finds the best split of a feature in a node. It works in the units of packed
// sums. The explicit conversions forbid fused operations, so that every CPU gets the
// same bits.
type judge struct {
	gradientUnit float64 // of a packed sum, in gradients
	hessianUnit  float64
	lambda       float64
	gamma        float64
	leastChild   float64 // hessian, in units of packed sums, at least 1
	directions   []int8  // constraints by feature; nil: none at all
	lastBins     []uint8 // the highest bin of each feature
}

// weight is what a leaf with this packed sum answers.
func (j *judge) weight(packed uint64, l limits) float64 {
	g, h := float64(gradientOf(packed))*j.gradientUnit, float64(hessianOf(packed))*j.hessianUnit
	if h+j.lambda <= 0 {
		return l.clamp(0)
	}
	return l.clamp(-g / (h + j.lambda))
}

// best is the best split of a feature, given the node's histogram, sum and limits.
func (j *judge) best(feature int32, h *[256]uint64, total uint64, l limits) split {
	if j.directions != nil {
		return j.constrained(feature, h, total, l)
	}
	return j.free(feature, h, total)
}

// free compares sides by g^2/(h+lambda), the loss that they save. Fractions are compared
// by multiplying: division is the slowest thing here.
func (j *judge) free(feature int32, h *[256]uint64, total uint64) split {
	last := int(j.lastBins[feature])
	lambda := j.lambda / j.hessianUnit
	g, c := float64(gradientOf(total)), float64(hessianOf(total))
	whole := c + lambda
	// What the node saves as it is, and gamma on top.
	gainUnit := j.gradientUnit / j.hessianUnit * j.gradientUnit / 2
	none := float64(g*g) + float64(j.gamma/gainUnit*whole)
	above, below := none*(1+1e-12), whole
	bin, missingRight, found, left := 0, false, false, uint64(0)
	try := func(sum uint64, b int, right bool) {
		gl, hl := float64(gradientOf(sum)), float64(hessianOf(sum))
		hr := c - hl
		if hl < j.leastChild || hr < j.leastChild {
			return
		}
		gr := g - gl
		hl, hr = hl+lambda, hr+lambda
		n := float64(float64(gl*gl)*hr) + float64(float64(gr*gr)*hl)
		if d := hl * hr; float64(n*below) > float64(above*d) {
			above, below = n, d
			bin, missingRight, found, left = b, right, true, sum
		}
	}
	missing, sum := h[0], uint64(0)
	if missing != 0 {
		try(missing, 0, false)
	}
	for b := 1; b < last; b++ {
		if h[b] == 0 {
			continue
		}
		sum += h[b]
		try(sum+missing, b, false)
		if missing != 0 {
			try(sum, b, true)
		}
	}
	if !found {
		return noSplit
	}
	gain := float64(above/below-none/whole) * gainUnit
	return j.finish(split{feature, uint8(bin), missingRight, gain, left}, h, total)
}

// constrained compares sides by the loss that their limited answers save.
func (j *judge) constrained(feature int32, h *[256]uint64, total uint64, l limits) split {
	way, last := j.directions[feature], int(j.lastBins[feature])
	none := j.saves(total, j.weight(total, l)) + j.gamma
	best := noSplit
	best.gain = 1e-12 * math.Abs(none)
	try := func(sum uint64, b int, right, ordered bool) {
		rest := total - sum
		if float64(hessianOf(sum)) < j.leastChild || float64(hessianOf(rest)) < j.leastChild {
			return
		}
		wl, wr := j.weight(sum, l), j.weight(rest, l)
		if ordered && (way > 0 && wl > wr || way < 0 && wl < wr) {
			return
		}
		if gain := j.saves(sum, wl) + j.saves(rest, wr) - none; gain > best.gain {
			best = split{feature, uint8(b), right, gain, sum}
		}
	}
	missing, sum := h[0], uint64(0)
	if missing != 0 {
		try(missing, 0, false, false)
	}
	for b := 1; b < last; b++ {
		if h[b] == 0 {
			continue
		}
		sum += h[b]
		try(sum+missing, b, false, true)
		if missing != 0 {
			try(sum, b, true, true)
		}
	}
	if best.feature < 0 {
		return best
	}
	return j.finish(best, h, total)
}

// saves is the loss that an answer saves, by its second-order approximation.
func (j *judge) saves(packed uint64, w float64) float64 {
	g, h := float64(gradientOf(packed))*j.gradientUnit, float64(hessianOf(packed))*j.hessianUnit
	return -(float64(g*w) + float64(float64((h+j.lambda)*w)*w)/2)
}

// finish moves the cut to the middle of the bins that are empty in the node, and sends
// missing values, where the node has none, to the larger side.
func (j *judge) finish(s split, h *[256]uint64, total uint64) split {
	if s.bin > 0 {
		next := int(s.bin) + 1
		for next < int(j.lastBins[s.feature]) && h[next] == 0 {
			next++
		}
		s.bin = uint8((int(s.bin) + next - 1) / 2)
	}
	if h[0] == 0 {
		s.missingRight = hessianOf(s.left) < hessianOf(total)-hessianOf(s.left)
	}
	return s
}

// after gives the limits of both children: a constrained split divides what the answers
// below it may be in the middle of its own.
func (j *judge) after(s split, total uint64, l limits) (left, right limits) {
	left, right = l, l
	if j.directions == nil || j.directions[s.feature] == 0 || s.bin == 0 {
		return left, right
	}
	middle := (j.weight(s.left, l) + j.weight(total-s.left, l)) / 2
	if j.directions[s.feature] > 0 {
		left.high, right.low = middle, middle
	} else {
		left.low, right.high = middle, middle
	}
	return left, right
}
