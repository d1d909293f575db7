package learn

import (
	"fmt"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/boost"
	"github.com/mainstay-etl/mainstay/models/choose"
	"github.com/mainstay-etl/mainstay/models/golearnx"
	"github.com/mainstay-etl/mainstay/models/linear"
)

// How often a fit looks at each value, in units of about 3 nanoseconds (see package
// choose), measured on 20 to 400 thousand rows by 100 features.
const (
	linearPasses  = 40 // iterations of the optimiser
	forestPerTree = 3  // a third of the features at each of ten levels
	boostPerTree  = 1
)

// Candidates are the models that are tried: logistic regression over its grid of
// penalties, one forest, and boosted trees from few small ones to many larger ones; of
// each kind the firmest first. Blends of the best of each kind are tried by choose.
func Candidates(forest golearnx.Params, seed uint64) []choose.Candidate {
	var out []choose.Candidate
	for _, c := range linear.Grid() {
		out = append(out, choose.Candidate{
			Name: fmt.Sprintf("linear c=%g", c), Passes: linearPasses,
			New: func() models.Estimator { return linear.New(linear.Params{C: c}) },
		})
	}
	forest = forest.WithDefaults()
	out = append(out, choose.Candidate{
		Name:   fmt.Sprintf("forest trees=%d depth=%d leaf=%d", forest.Trees, forest.MaxDepth, forest.MinLeaf),
		Passes: float64(forestPerTree * forest.Trees),
		New:    func() models.Estimator { return golearnx.NewForest(forest) },
	})
	for _, p := range boosts {
		p.LearningRate, p.MinChildWeight, p.Rows, p.Columns, p.Seed = 0.05, 20, 0.7, 0.5, seed
		out = append(out, choose.Candidate{
			Name: fmt.Sprintf("boost rounds=%d leaves=%d", p.Rounds, p.MaxLeaves), Passes: float64(boostPerTree * p.Rounds),
			New: func() models.Estimator { return boost.New(p) },
		})
	}
	return out
}

// boosts are the sizes of boosted trees that are tried. How many trees are right depends
// on how many customers there are; where each fold has a later time to stop by, rows
// would be lost to it, so the number is chosen like any other hyper-parameter.
var boosts = []boost.Params{
	{Rounds: 60, MaxLeaves: 4},
	{Rounds: 100, MaxLeaves: 6},
	{Rounds: 200, MaxLeaves: 6},
	{Rounds: 200, MaxLeaves: 15},
	{Rounds: 400, MaxLeaves: 15},
}
