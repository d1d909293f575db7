package linear

import (
	"context"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/optimize"

	"github.com/mainstay-etl/mainstay/models"
)

// blockRows is how many rows are summed at a time.
const blockRows = 1024

// input says what a column of the training matrix holds.
type input struct {
	feature int
	flag    bool
}

// design is the training matrix with the loss on it. Parameters theta are the intercept
// and then one coefficient per input.
type design struct {
	inputs  []input
	x       []float32 // row after row
	rows    int
	labels  []bool
	weights []float64 // of mean 1
	penalty float64   // 1 / (C * rows)
	threads int
	sums    []float64 // per block: loss, then the gradient
}

func newDesign(f *models.Frame, rows []int32, columns []column, threads int) *design {
	d := &design{rows: len(rows), threads: threads}
	for j := range columns {
		if columns[j].useValue {
			d.inputs = append(d.inputs, input{j, false})
		}
		if columns[j].useFlag {
			d.inputs = append(d.inputs, input{j, true})
		}
	}
	n := len(d.inputs)
	d.x = make([]float32, d.rows*n)
	d.sums = make([]float64, d.blocks()*(n+2))
	_ = parallel(context.Background(), threads, d.blocks(), func() func(int) {
		return func(b int) {
			for k, in := range d.inputs {
				c, values := &columns[in.feature], f.Column(in.feature)
				for i := b * blockRows; i < min((b+1)*blockRows, d.rows); i++ {
					v := values.At(int(rows[i]))
					if in.flag {
						d.x[i*n+k] = float32(c.flag(v))
					} else {
						d.x[i*n+k] = float32(c.value(v))
					}
				}
			}
		}
	})
	return d
}

func (d *design) blocks() int { return (d.rows + blockRows - 1) / blockRows }

func (d *design) row(i int) []float32 { return d.x[i*len(d.inputs) : (i+1)*len(d.inputs)] }

// loss returns the mean log loss with the penalty and writes its gradient.
func (d *design) loss(theta, gradient []float64) float64 {
	width := len(d.inputs) + 2
	_ = parallel(context.Background(), d.threads, d.blocks(), func() func(int) {
		return func(b int) { d.block(b, theta, d.sums[b*width:(b+1)*width]) }
	})
	total := 0.0
	clear(gradient)
	for b := range d.blocks() {
		total += d.sums[b*width]
		for k, g := range d.sums[b*width+1 : (b+1)*width] {
			gradient[k] += g
		}
	}
	n := float64(d.rows)
	total /= n
	for k := range gradient {
		gradient[k] /= n
		if k > 0 {
			total += d.penalty * theta[k] * theta[k] / 2
			gradient[k] += d.penalty * theta[k]
		}
	}
	return total
}

// block sums loss and gradient over some rows.
func (d *design) block(b int, theta, sums []float64) {
	clear(sums)
	gradient := sums[2:]
	for i := b * blockRows; i < min((b+1)*blockRows, d.rows); i++ {
		row := d.row(i)
		z := theta[0] + dot(row, theta[1:])
		y := 0.0
		if d.labels[i] {
			y = 1
		}
		e := math.Exp(-math.Abs(z))
		q := 1 / (1 + e)
		if z < 0 {
			q = e / (1 + e)
		}
		sums[0] += d.weights[i] * (math.Max(z, 0) - y*z + math.Log1p(e))
		r := d.weights[i] * (q - y)
		sums[1] += r
		for k, v := range row {
			gradient[k] += r * float64(v)
		}
	}
}

// dot has four sums so that the processor can work on them side by side.
func dot(x []float32, beta []float64) float64 {
	beta = beta[:len(x)]
	var a, b, c, d float64
	k := 0
	for ; k+4 <= len(x); k += 4 {
		a += float64(x[k]) * beta[k]
		b += float64(x[k+1]) * beta[k+1]
		c += float64(x[k+2]) * beta[k+2]
		d += float64(x[k+3]) * beta[k+3]
	}
	for ; k < len(x); k++ {
		a += float64(x[k]) * beta[k]
	}
	return a + b + (c + d)
}

// rate is the weighted share of positives.
func (d *design) rate() (rate float64, one bool) {
	positives := 0.0
	for i, l := range d.labels {
		if l {
			positives += d.weights[i]
		}
	}
	n := float64(d.rows)
	if !slices.Contains(d.labels, true) || !slices.Contains(d.labels, false) {
		return (math.Round(positives) + 0.5) / (n + 1), true // one outcome proves no certainty
	}
	return positives / n, false
}

const (
	maxIterations = 1000
	// wanted is the largest slope, in the coordinates of precondition, at which the
	// search stops; the loss is then within about wanted^2 of the least.
	wanted = 1e-9
	// tolerable is the slope with which the result is still taken when rounding or the
	// number of iterations ends the search: a loss within 1e-8.
	tolerable = 1e-4
)

// fit minimises the loss with gonum's L-BFGS (Liu, Nocedal 1989). Features of customers
// are near copies of each other, on which L-BFGS alone takes many hundred steps; in the
// coordinates of precondition, where the loss is round at the start, it takes some dozen.
func (d *design) fit(ctx context.Context, p *progress) ([]float64, error) {
	rate, one := d.rate()
	start := make([]float64, len(d.inputs)+1)
	start[0] = math.Log(rate) - math.Log1p(-rate)
	if one || len(d.inputs) == 0 {
		return start, ctx.Err()
	}
	factor := d.precondition(rate)
	var at, slope []float64 // the last point and the gradient there
	theta, gradient, value := make([]float64, len(start)), make([]float64, len(start)), 0.0
	evaluate := func(u []float64) {
		if slices.Equal(at, u) {
			return
		}
		at = append(at[:0], u...)
		factor.back(u, theta)
		value = d.loss(theta, gradient)
		slope = append(slope[:0], gradient...)
		factor.forward(slope)
	}
	result, err := optimize.Minimize(optimize.Problem{
		Func: func(u []float64) float64 { evaluate(u); return value },
		Grad: func(g, u []float64) { evaluate(u); copy(g, slope) },
	}, factor.times(start), &optimize.Settings{
		GradientThreshold: wanted, MajorIterations: maxIterations,
		Converger: optimize.NeverTerminate{}, Recorder: &watcher{ctx, p},
	}, &optimize.LBFGS{Store: 30, GradStopThreshold: math.NaN()})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if result == nil {
		return nil, fmt.Errorf("fitting a linear model: %w", err)
	}
	evaluate(result.X)
	if steepest := largest(slope); !(steepest < tolerable) {
		return nil, fmt.Errorf("fitting a linear model: it did not converge in %d steps, the slope is %.2g (%v %v); a smaller C helps",
			result.MajorIterations, steepest, result.Status, err)
	}
	return theta, nil
}

func largest(values []float64) float64 {
	most := 0.0
	for _, v := range values {
		if a := math.Abs(v); a > most || a != a {
			most = a
		}
	}
	return most
}

// watcher tells the progress and ends the search when ctx ends.
type watcher struct {
	ctx context.Context
	p   *progress
}

// Init is called before the first step.
func (w *watcher) Init() error { return w.ctx.Err() }

// Record is called after each.
func (w *watcher) Record(_ *optimize.Location, op optimize.Operation, s *optimize.Stats) error {
	if op == optimize.MajorIteration {
		w.p.at(min(10+s.MajorIterations, progressTotal-1))
	}
	return w.ctx.Err()
}
