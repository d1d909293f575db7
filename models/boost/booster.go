package boost

import (
	"context"
	"math"

	"github.com/mainstay-etl/mainstay/models"
)

// booster is one fit.
type booster struct {
	p      Params
	team   *team
	data   *matrix
	grower *grower
	gr     *gradients
	later  *later // nil: none
	base   float64
	trees  []tree
	leafOf []uint16 // of each row, in the last tree
}

func newBooster(p Params, t models.Training, directions []int8, threads int) *booster {
	b := &booster{p: p, team: newTeam(threads)}
	rows, labels, weights := present(t.Labels, t.Weights)
	b.data = newMatrix(t.Frame, rows, weights, p, b.team)
	b.base = models.Logit(rate(labels, weights))
	b.gr = newGradients(labels, weights, b.base, b.team)
	b.grower = newGrower(p, b.data, weights, directions, b.team)
	b.leafOf = make([]uint16, len(rows))
	if t.Later != nil {
		b.later = newLater(*t.Later, b.data.cuts, b.base, b.team)
	}
	return b
}

// present lists the rows that weigh anything, with their weights scaled to mean 1; nil
// when all weigh the same.
func present(all []bool, given []float64) (rows []int32, labels []bool, weights []float64) {
	sum, same := 0.0, true
	for i, l := range all {
		w := 1.0
		if given != nil {
			w = given[i]
		}
		if w > 0 {
			rows, labels, weights = append(rows, int32(i)), append(labels, l), append(weights, w)
			same = same && w == weights[0]
			sum += w
		}
	}
	if same {
		return rows, labels, nil
	}
	for k := range weights {
		weights[k] *= float64(len(rows)) / sum
	}
	return rows, labels, weights
}

// rate is the weighted share of positives.
func rate(labels []bool, weights []float64) float64 {
	yes, all := 0.0, 0.0
	for i, l := range labels {
		w := 1.0
		if weights != nil {
			w = weights[i]
		}
		all += w
		if l {
			yes += w
		}
	}
	return yes / all
}

// run grows trees until there are enough.
func (b *booster) run(ctx context.Context, progress func(done, total int)) error {
	if progress == nil {
		progress = func(int, int) {}
	}
	best, bestLoss := 0, math.Inf(1)
	var answers []float64
	for round := range b.p.Rounds {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		b.gr.update(answers, b.leafOf, newStream(b.p.Seed, forRounding, round))
		t := b.tree(round)
		if len(t) == 1 && b.p.sampled() && round+1 < b.p.Rounds {
			answers = nil // another sample may find something
			progress(round+1, b.p.Rounds)
			continue
		}
		answers = b.answers()
		if len(t) > 1 || len(b.trees) == 0 {
			b.trees = append(b.trees, t)
		}
		if b.later != nil {
			if loss := b.later.add(b.grower, answers); loss < bestLoss {
				best, bestLoss = len(b.trees), loss
			} else if len(b.trees)-best >= b.p.Patience {
				break
			}
		}
		if len(t) == 1 {
			break // nothing is left to learn
		}
		if round+1 < b.p.Rounds {
			progress(round+1, b.p.Rounds)
		}
	}
	if b.later != nil {
		b.trees = b.trees[:max(best, 1)]
	}
	progress(b.p.Rounds, b.p.Rounds)
	return nil
}

func (p Params) sampled() bool { return p.Rows < 1 || p.Columns < 1 || p.NodeColumns < 1 }

// tree grows the next tree, on a sample of the rows when it is to be one.
func (b *booster) tree(round int) tree {
	n := b.data.rows
	if b.p.Rows < 1 {
		n = b.sample(newStream(b.p.Seed, forRows, round))
	}
	t := b.grower.grow(round, n, b.gr, b.leafOf)
	if n < b.data.rows {
		b.team.blocks(b.data.rows, blockRows, func(_, from, to int) {
			b.grower.walk(b.data.columns, from, to, b.leafOf)
		})
	}
	return t
}

// sample puts the rows drawn first in the grower's list, and says how many they are.
func (b *booster) sample(s stream) int {
	rows := b.grower.sides[0][:0]
	limit := uint64(math.Ldexp(b.p.Rows, 53))
	for i := range b.data.rows {
		if s.at(i)>>11 < limit {
			rows = append(rows, int32(i))
		}
	}
	if len(rows) == 0 {
		rows = append(rows, int32(s.at(b.data.rows)%uint64(b.data.rows)))
	}
	return len(rows)
}

// answers are those of the last tree's leaves, by the numbers that leafOf holds.
func (b *booster) answers() []float64 {
	out := make([]float64, len(b.grower.leaves))
	for i, l := range b.grower.leaves {
		out[i] = l.answer
	}
	return out
}
