package boost

import (
	"math"

	"github.com/mainstay-etl/mainstay/models"
)

// later are rows of a later time, scored by the trees so far.
type later struct {
	team    *team
	columns [][]uint8 // bins, [feature][row]
	labels  []bool
	weights []float64 // nil: all 1
	scores  []float64
	leafOf  []uint16
	sums    []lossSum // by block of rows
}

type lossSum struct{ loss, weight float64 }

func newLater(l models.Later, cuts [][]float64, base float64, t *team) *later {
	rows, labels, weights := present(l.Labels, l.Weights)
	out := &later{team: t, labels: labels, weights: weights, scores: make([]float64, len(rows)), leafOf: make([]uint16, len(rows))}
	out.columns = binColumns(l.Frame, rows, cuts, t)
	for i := range out.scores {
		out.scores[i] = base
	}
	out.sums = make([]lossSum, (len(rows)+blockRows-1)/blockRows)
	return out
}

// add adds the answers of the grower's last tree and returns the mean log loss.
func (l *later) add(g *grower, answers []float64) float64 {
	l.team.blocks(len(l.scores), blockRows, func(_, from, to int) {
		g.walk(l.columns, from, to, l.leafOf)
		sum := lossSum{}
		for i := from; i < to; i++ {
			l.scores[i] += answers[l.leafOf[i]]
			x, w := l.scores[i], 1.0
			if l.labels[i] {
				x = -x
			}
			if l.weights != nil {
				w = l.weights[i]
			}
			// log(1 + e^x), which for a large x is x
			sum.loss += float64(w * (math.Max(x, 0) + math.Log1p(math.Exp(-math.Abs(x)))))
			sum.weight += w
		}
		l.sums[from/blockRows] = sum
	})
	total := lossSum{}
	for _, s := range l.sums {
		total.loss, total.weight = total.loss+s.loss, total.weight+s.weight
	}
	return total.loss / total.weight
}
