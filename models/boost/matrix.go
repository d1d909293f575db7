package boost

import "github.com/mainstay-etl/mainstay/models"

// blockFeatures is how many features one word of the matrix holds. Their histograms, 16
// KiB, stay in the processor's first cache while rows are summed.
const blockFeatures = 8

// blockRows is how many rows are worked on at a time.
const blockRows = 4096

// matrix holds the bins of the rows learned from, twice: by row, eight features to a
// word, for histograms, and by feature for moving rows.
type matrix struct {
	rows    int
	words   []uint64 // [row][block]
	blocks  int
	columns [][]uint8   // [feature][row]
	cuts    [][]float64 // [feature][bin]
}

// newMatrix bins the given rows of a frame.
func newMatrix(f *models.Frame, rows []int32, weights []float64, p Params, t *team) *matrix {
	features := len(f.Features())
	m := &matrix{rows: len(rows), blocks: (features + blockFeatures - 1) / blockFeatures, cuts: make([][]float64, features)}
	sample := sampleOf(rows, weights, p.Seed)
	cutters := make([]cutter, t.size)
	t.run(features, func(worker, j int) { m.cuts[j] = cutters[worker].cuts(f.Column(j), sample, p.Bins) })
	m.columns = binColumns(f, rows, m.cuts, t)
	m.words = make([]uint64, m.rows*m.blocks)
	t.blocks(m.rows, blockRows, func(_, from, to int) { m.pack(from, to) })
	return m
}

// binColumns finds the bins of rows of a frame.
func binColumns(f *models.Frame, rows []int32, cuts [][]float64, t *team) [][]uint8 {
	columns := make([][]uint8, len(cuts))
	t.run(len(cuts), func(_, j int) {
		c, s, out := f.Column(j), newSearcher(cuts[j]), make([]uint8, len(rows))
		var buf [512]float64
		for from := 0; from < len(rows); from += len(buf) {
			part := rows[from:min(from+len(buf), len(rows))]
			for k, i := range part {
				buf[k] = c.At(int(i))
			}
			s.bins(buf[:len(part)], out[from:])
		}
		columns[j] = out
	})
	return columns
}

// pack fills the words of rows [from, to).
func (m *matrix) pack(from, to int) {
	for k := range m.blocks {
		for j := k * blockFeatures; j < min((k+1)*blockFeatures, len(m.columns)); j++ {
			shift := j % blockFeatures * 8
			at := from*m.blocks + k
			for _, b := range m.columns[j][from:to] {
				m.words[at] |= uint64(b) << shift
				at += m.blocks
			}
		}
	}
}
