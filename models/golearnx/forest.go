// Package golearnx is the only importer of golearn. It holds a random forest
// whose trees are golearn's decision trees, grown by a grower of our own (see
// grow.go for why), the way between [models.Frame] and golearn's grid, and an
// adapter that makes every estimator a golearn classifier.
package golearnx

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"github.com/sjwhitworth/golearn/trees"

	"github.com/mainstay-etl/mainstay/models"
)

// KindForest is the Kind of a [Forest].
const KindForest = "forest"

// Params are the hyper-parameters of a forest. Zero means the default.
type Params struct {
	Trees    int    `json:"trees"`     // default 200
	MaxDepth int    `json:"max_depth"` // splits from root to leaf, default 10
	MinLeaf  int    `json:"min_leaf"`  // average-weight rows in a leaf, default 40
	Features int    `json:"features"`  // drawn per node, default a third of them
	Seed     uint64 `json:"seed"`
}

// WithDefaults returns p with zeros replaced, except Features, whose default
// depends on the data.
func (p Params) WithDefaults() Params {
	set := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	set(&p.Trees, 200)
	set(&p.MaxDepth, 10)
	set(&p.MinLeaf, 40)
	return p
}

// Forest is a random forest (Breiman 2001) for two classes. Its probability is
// the mean, over the trees, of the class distribution in the leaf that a row
// reaches. It implements [models.Estimator].
type Forest struct {
	params   Params
	features []string
	flat     flatForest
	shap     *shap
}

var _ models.Estimator = (*Forest)(nil)

// NewForest makes an unfitted forest.
func NewForest(p Params) *Forest { return &Forest{params: p.WithDefaults()} }

// Kind is "forest".
func (f *Forest) Kind() string { return KindForest }

// Params are the hyper-parameters.
func (f *Forest) Params() any { return f.params }

// Features are the names learned from; nil before a fit.
func (f *Forest) Features() []string { return f.features }

// Members is the number of trees.
func (f *Forest) Members() int { return len(f.flat.roots) }

// Fit grows the trees, several at a time. Each tree has its own generator seeded
// by (seed, number of the tree), so the number of goroutines changes nothing.
func (f *Forest) Fit(ctx context.Context, t models.Training) error {
	f.features, f.flat, f.shap = nil, flatForest{}, nil
	if err := t.Check(); err != nil {
		return err
	}
	threads := t.Threads
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	data := newTrainingData(t, threads)
	attrs := floatAttributes(t.Frame.Features())
	grown := make([]flatForest, f.params.Trees)
	err := parallel(ctx, threads, len(grown), t.Progress, func() func(int) {
		g := newGrower(data, f.params, attrs)
		return func(i int) { grown[i] = flatten(g.tree(uint64(i)), attrs) }
	})
	if err != nil {
		return err
	}
	for _, tree := range grown {
		f.flat.append(tree)
	}
	f.features, f.shap = append([]string{}, t.Frame.Features()...), &shap{}
	return nil
}

// PredictProba returns the mean leaf distribution of each row.
func (f *Forest) PredictProba(frame *models.Frame) ([]float64, error) {
	if err := f.ready(frame); err != nil {
		return nil, err
	}
	out := make([]float64, frame.Rows())
	const block = 128
	blocks := (len(out) + block - 1) / block
	w := newWalker(&f.flat, len(f.features))
	err := parallel(context.Background(), runtime.GOMAXPROCS(0), blocks, nil, func() func(int) {
		buf := make([]float64, 0, block*(len(f.features)+1))
		return func(b int) {
			from, to := b*block, min((b+1)*block, len(out))
			buf = buf[:0]
			for i := from; i < to; i++ {
				buf = append(frame.Row(i, buf), 1)
			}
			w.predict(buf, out[from:to])
		}
	})
	return out, err
}

// Tree rebuilds the i-th tree as golearn's own.
func (f *Forest) Tree(i int) *trees.DecisionTreeNode {
	return f.flat.tree(i, floatAttributes(f.features))
}

// MarshalBinary writes features and trees; see codec.go.
func (f *Forest) MarshalBinary() ([]byte, error) {
	if f.features == nil {
		return nil, fmt.Errorf("saving a forest: %w", models.ErrNotFitted)
	}
	return encode(f.features, f.flat), nil
}

// UnmarshalBinary restores what MarshalBinary wrote.
func (f *Forest) UnmarshalBinary(b []byte) error {
	features, flat, err := decode(b)
	if err != nil {
		return fmt.Errorf("loading a forest: %w", err)
	}
	f.features, f.flat, f.shap = features, flat, &shap{}
	return nil
}

func (f *Forest) ready(frame *models.Frame) error {
	if f.features == nil {
		return fmt.Errorf("using a forest: %w", models.ErrNotFitted)
	}
	return frame.CheckFeatures(f.features)
}

// parallel runs work(0) to work(n-1) on some goroutines; each gets its own work
// function from worker. progress is called from one goroutine at a time.
func parallel(ctx context.Context, threads, n int, progress func(done, total int), worker func() func(int)) error {
	var mu sync.Mutex
	next, done := 0, 0
	take := func() (int, bool) {
		mu.Lock()
		defer mu.Unlock()
		if next == n || ctx.Err() != nil {
			return 0, false
		}
		next++
		return next - 1, true
	}
	finish := func() {
		mu.Lock()
		defer mu.Unlock()
		done++
		if progress != nil {
			progress(done, n)
		}
	}
	var wg sync.WaitGroup
	for range min(max(threads, 1), n) {
		wg.Go(func() {
			work := worker()
			for i, ok := take(); ok; i, ok = take() {
				work(i)
				finish()
			}
		})
	}
	wg.Wait()
	return ctx.Err()
}
