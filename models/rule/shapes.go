package rule

// single tries the rules of one feature.
func (s *search) single(i int) {
	c := s.columns[i]
	n := c.fine.cells()
	counts := s.count(n, func(row int) int { return int(c.fineCell[row]) })
	for _, more := range []bool{true, false} {
		s.rank(c.fine, counts, more)
	}
	for k := range c.fine.Edges {
		s.threshold(c.fine, counts, k)
	}
}

// rank gives the known cells of a feature rates that only rise (or only fall): where the
// counted rates do not, neighbours are pooled until they do.
func (s *search) rank(in Input, counts cells, more bool) {
	type block struct {
		all, positive float64
		n             int
	}
	known := len(in.Edges) + 1
	at := func(k int) int { // from the least likely cell to the likeliest
		if more {
			return k
		}
		return known - 1 - k
	}
	var blocks []block
	for k := range known {
		all, positive := counts.of(at(k))
		blocks = append(blocks, block{all, positive, 1})
		for len(blocks) > 1 {
			a, b := blocks[len(blocks)-2], blocks[len(blocks)-1]
			if s.rate(a.all, a.positive) < s.rate(b.all, b.positive) {
				break
			}
			blocks = append(blocks[:len(blocks)-2], block{a.all + b.all, a.positive + b.positive, a.n + b.n})
		}
	}
	group, k := make([]int, known+1), 0
	for _, b := range blocks {
		first := at(k)
		for range b.n {
			group[at(k)] = first
			k++
		}
	}
	group[known] = known // unknown values keep their own rate
	in.More = more
	s.keep(Rank, []Input{in}, counts, func(cell int) int { return group[cell] })
}

// threshold parts the values of a feature at its k-th edge.
func (s *search) threshold(in Input, counts cells, k int) {
	c := newCells(3)
	for cell := range counts.len() {
		c.merge(side(cell, k, len(in.Edges)), counts, cell)
	}
	more := s.rate(c.of(1)) > s.rate(c.of(0))
	s.keep(Threshold, []Input{{Feature: in.Feature, Edges: []float64{in.Edges[k]}, More: more}}, c, nil)
}

// side says where a cell goes when only the k-th of n edges is kept: 0 up to it, 1
// beyond it, 2 unknown.
func side(cell, k, n int) int {
	switch {
	case cell == n+1:
		return 2
	case cell <= k:
		return 0
	}
	return 1
}

// pair tries the rules of two features.
func (s *search) pair(i, j int) {
	a, b := s.columns[i], s.columns[j]
	coarse := b.coarse.cells()
	s.keep(Table, []Input{a.coarse, b.coarse}, s.count(a.coarse.cells()*coarse, func(row int) int {
		return int(a.coarseCell[row])*coarse + int(b.coarseCell[row])
	}), nil)
	fine := b.fine.cells()
	counts := s.count(a.fine.cells()*fine, func(row int) int {
		return int(a.fineCell[row])*fine + int(b.fineCell[row])
	})
	for k := range a.fine.Edges {
		for l := range b.fine.Edges {
			s.both(a.fine, b.fine, counts, k, l)
		}
	}
}

// both joins two thresholds, in each of the four directions, by "and"; the four must not
// flood the list of what was found, so only the best is kept.
func (s *search) both(a, b Input, counts cells, k, l int) {
	c := newCells(9)
	width := b.cells()
	for cell := range counts.len() {
		c.merge(side(cell/width, k, len(a.Edges))*3+side(cell%width, l, len(b.Edges)), counts, cell)
	}
	before := len(s.found)
	for _, moreA := range []bool{true, false} {
		for _, moreB := range []bool{true, false} {
			s.keep(Both, []Input{
				{Feature: a.Feature, Edges: []float64{a.Edges[k]}, More: moreA},
				{Feature: b.Feature, Edges: []float64{b.Edges[l]}, More: moreB},
			}, c, func(cell int) int {
				if cell/3 == flag(moreA) && cell%3 == flag(moreB) {
					return 0
				}
				return 1
			})
			last := s.found[len(s.found)-1]
			likelier := last.Rates[flag(moreA)*3+flag(moreB)] > s.base
			if !likelier || len(s.found) > before+1 && last.auc <= s.found[before].auc {
				s.found = s.found[:len(s.found)-1]
			} else if len(s.found) > before+1 {
				s.found[before] = last
				s.found = s.found[:before+1]
			}
		}
	}
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}
