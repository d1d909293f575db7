package boost

// A packed sum holds the sum of gradients, signed, in its upper half and that of second
// derivatives in its lower half: one addition adds both. Gradients are scaled so that no
// sum leaves its half (see gradient.go).
func gradientOf(packed uint64) int32 { return int32(packed >> 32) }

func hessianOf(packed uint64) uint32 { return uint32(packed) }

// block is the histograms of eight features: packed sums by bin.
type block [blockFeatures][256]uint64

// histogram is the packed sums of a node by feature and bin.
type histogram []block

func (h histogram) of(feature int32) *[256]uint64 {
	return &h[feature/blockFeatures][feature%blockFeatures]
}

// histograms builds them; it lends memory and takes it back.
type histograms struct {
	data    *matrix
	team    *team
	used    []int       // blocks that hold features of this tree
	private []histogram // of each worker but the first
	dirty   []bool      // by worker
	ordered [][]uint64  // by worker: gradients of a stretch of rows
	free    []histogram
}

func newHistograms(m *matrix, t *team) *histograms {
	h := &histograms{data: m, team: t, private: make([]histogram, t.size), dirty: make([]bool, t.size), ordered: make([][]uint64, t.size)}
	for w := range t.size {
		h.ordered[w] = make([]uint64, blockRows)
		if w > 0 {
			h.private[w] = make(histogram, m.blocks)
		}
	}
	return h
}

// use says which features are asked for from now on.
func (h *histograms) use(features []int32) {
	h.used = h.used[:0]
	for _, j := range features {
		if k := int(j) / blockFeatures; len(h.used) == 0 || h.used[len(h.used)-1] != k {
			h.used = append(h.used, k)
		}
	}
	for _, p := range h.private { // features that nobody merged may have left sums there
		clear(p)
	}
}

func (h *histograms) lend() histogram {
	if n := len(h.free); n > 0 {
		out := h.free[n-1]
		h.free = h.free[:n-1]
		return out
	}
	return make(histogram, h.data.blocks)
}

func (h *histograms) takeBack(x histogram) {
	if x != nil {
		h.free = append(h.free, x)
	}
}

// build sums the gradients of rows into out, the first worker's part, and the private
// histograms of the others. merge adds these.
func (h *histograms) build(rows []int32, gradients []uint64, out histogram) {
	for _, k := range h.used {
		out[k] = block{}
	}
	whole := len(rows) == h.data.rows
	// Enough pieces for everybody, none so small that waking somebody costs more.
	size := min(max(len(rows)/h.team.size+1, blockRows/8), blockRows)
	h.team.blocks(len(rows), size, func(worker, from, to int) {
		mine := out
		if worker > 0 {
			mine = h.private[worker]
			h.dirty[worker] = true
		}
		if whole {
			for _, k := range h.used {
				h.data.sumStretch(&mine[k], k, from, gradients[from:to])
			}
			return
		}
		part := rows[from:to]
		ordered := h.ordered[worker][:len(part)]
		for i, r := range part {
			ordered[i] = gradients[r]
		}
		for _, k := range h.used {
			h.data.sum(&mine[k], k, part, ordered)
		}
	})
}

// merge adds to a feature's histogram what other workers summed.
func (h *histograms) merge(feature int32, out histogram) {
	to := out.of(feature)
	for w := 1; w < h.team.size; w++ {
		if h.dirty[w] {
			from := h.private[w].of(feature)
			for b := range to {
				to[b] += from[b]
			}
			*from = [256]uint64{}
		}
	}
}

// merged is called when all features are.
func (h *histograms) merged() { clear(h.dirty) }

// subtract leaves in a parent's histogram that of the other child.
func subtract(parent, child *[256]uint64) {
	for b := range parent {
		parent[b] -= child[b]
	}
}

// sum adds the gradients of rows to the histograms of block k.
func (m *matrix) sum(h *block, k int, rows []int32, gradients []uint64) {
	words, width := m.words[k:], m.blocks
	gradients = gradients[:len(rows)]
	for i, r := range rows {
		w, g := words[int(r)*width], gradients[i]
		h[0][uint8(w)] += g
		h[1][uint8(w>>8)] += g
		h[2][uint8(w>>16)] += g
		h[3][uint8(w>>24)] += g
		h[4][uint8(w>>32)] += g
		h[5][uint8(w>>40)] += g
		h[6][uint8(w>>48)] += g
		h[7][uint8(w>>56)] += g
	}
}

// sumStretch is sum for rows that follow each other, from this one on.
func (m *matrix) sumStretch(h *block, k, from int, gradients []uint64) {
	width := m.blocks
	words := m.words[from*width+k:]
	for i, g := range gradients {
		w := words[i*width]
		h[0][uint8(w)] += g
		h[1][uint8(w>>8)] += g
		h[2][uint8(w>>16)] += g
		h[3][uint8(w>>24)] += g
		h[4][uint8(w>>32)] += g
		h[5][uint8(w>>40)] += g
		h[6][uint8(w>>48)] += g
		h[7][uint8(w>>56)] += g
	}
}
