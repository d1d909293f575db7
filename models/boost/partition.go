package boost

// move says where a stretch of a node's rows goes.
type move struct{ ones, left, right int }

// partition moves the rows of a leaf that is split to another side, those that go left
// first, in their order. It returns where the others begin, and the side.
func (g *grower) partition(l *leaf) (mid, side int) {
	side = 1
	if l.side == 1 {
		side = 2
	}
	from, to := g.sides[l.side], g.sides[side]
	n := l.hi - l.lo
	size := max(n/g.team.size+1, blockRows)
	g.moves = append(g.moves[:0], make([]move, (n+size-1)/size)...)
	bins, flip, above := g.data.columns[l.best.feature], uint8(0), l.best.bin
	if l.best.missingRight { // see split.goesRight
		flip, above = 1, above-1
	}
	g.team.blocks(n, size, func(_, a, b int) {
		marks, ones := g.marks[l.lo+a:l.lo+b], 0
		for i, r := range from[l.lo+a : l.lo+b] {
			m := uint8((uint32(above) - uint32(bins[r]-flip)) >> 31)
			marks[i] = m
			ones += int(m)
		}
		g.moves[a/size].ones = ones
	})
	ones := 0
	for i := range g.moves {
		g.moves[i].left, g.moves[i].right = l.lo+i*size-ones, ones
		ones += g.moves[i].ones
	}
	mid = l.hi - ones
	g.team.blocks(n, size, func(_, a, b int) {
		m := g.moves[a/size]
		left, right := m.left, mid+m.right
		marks := g.marks[l.lo+a : l.lo+b]
		for i, r := range from[l.lo+a : l.lo+b] {
			at := left // chosen without a branch
			if marks[i] != 0 {
				at = right
			}
			to[at] = r
			right += int(marks[i])
			left += 1 - int(marks[i])
		}
	})
	return mid, side
}
