package eval

import (
	"context"
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// Statistic is a figure of weighted rows. It must be safe for concurrent use and must
// not keep or change the weights.
type Statistic func(weights []float64) float64

// AUCOf is [AUC] as a statistic: the rows are sorted once, here.
func AUCOf(labels []bool, scores []float64) Statistic { return rank(labels, scores).auc }

// AveragePrecisionOf is [AveragePrecision] as a statistic.
func AveragePrecisionOf(labels []bool, scores []float64) Statistic {
	return rank(labels, scores).averagePrecision
}

// LiftOf is [Lift] as a statistic.
func LiftOf(labels []bool, scores []float64, share float64) Statistic {
	return rank(labels, scores).lift(share)
}

// LogLossOf is [LogLoss] as a statistic.
func LogLossOf(labels []bool, probabilities []float64) Statistic {
	return meanOf(labels, probabilities, loss)
}

// BrierOf is [Brier] as a statistic.
func BrierOf(labels []bool, probabilities []float64) Statistic {
	return meanOf(labels, probabilities, func(label bool, p float64) float64 {
		if label {
			p = 1 - p
		}
		return p * p
	})
}

func meanOf(labels []bool, probabilities []float64, of func(bool, float64) float64) Statistic {
	values := make([]float64, len(labels))
	for i, p := range probabilities {
		values[i] = of(labels[i], p)
	}
	return func(weights []float64) float64 { return WeightedMean(values, weights) }
}

// CalibrationErrorOf is [CalibrationError] as a statistic. Its bootstrap interval lies
// higher than the value: resampling adds noise to every bin.
func CalibrationErrorOf(labels []bool, probabilities []float64) Statistic {
	r := rank(labels, probabilities)
	return func(weights []float64) float64 {
		return calibrationError(r.reliability(probabilities, weights, min(10, len(labels))))
	}
}

// HitOf is the hit rate of [ByCustomer] as a statistic; a customer counts with the
// weight of its first row.
func HitOf(customer []int32, labels []bool, scores []float64, k int) Statistic {
	return withinOf(customer, labels, scores, func(l []bool, s []float64) (float64, bool) {
		return hitProbability(l, s, k), Positives(l) > 0
	})
}

// AUCWithinOf is the mean AUC inside a customer as a statistic, weighted as [HitOf].
func AUCWithinOf(customer []int32, labels []bool, scores []float64) Statistic {
	return withinOf(customer, labels, scores, func(l []bool, s []float64) (float64, bool) {
		p := Positives(l)
		return AUC(l, s), p > 0 && p < len(l)
	})
}

func withinOf(customer []int32, labels []bool, scores []float64, of func([]bool, []float64) (float64, bool)) Statistic {
	var values []float64
	var first []int
	eachCustomer(customer, labels, scores, func(at int, l []bool, s []float64) {
		if v, ok := of(l, s); ok {
			values, first = append(values, v), append(first, at)
		}
	})
	return func(weights []float64) float64 {
		if weights == nil {
			return Mean(values)
		}
		sum, total := 0.0, 0.0
		for i, v := range values {
			sum += weights[first[i]] * v
			total += weights[first[i]]
		}
		return sum / total
	}
}

// Resampling says how to bootstrap. Zero values mean the defaults.
type Resampling struct {
	Rounds  int       // default 1000
	Level   float64   // of the interval, default 0.95
	Seed    uint64    // the same seed, the same intervals
	Threads int       // default one per CPU; changes no result
	Weights []float64 // of rows; nil: 1 each
}

func (o Resampling) withDefaults() Resampling {
	if o.Rounds <= 0 {
		o.Rounds = 1000
	}
	if o.Level <= 0 || o.Level >= 1 {
		o.Level = 0.95
	}
	if o.Threads <= 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	return o
}

// Interval is a value with its bootstrap percentile interval.
type Interval struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	// Undefined counts the rounds in which the value was not defined (one outcome
	// only, say); they are left out of the interval.
	Undefined int `json:"undefined,omitempty"`
}

// Bootstrap gives each statistic its percentile interval (Efron 1979) by the cluster
// bootstrap: customers are drawn with replacement, all rows of one together, since
// rows of the same customer tell much the same and rows drawn singly would promise too
// much. Round r draws from a PCG seeded by (Seed, r), so results do not depend on the
// number of workers. customer has a code per row.
func Bootstrap(ctx context.Context, customer []int32, o Resampling, statistics ...Statistic) ([]Interval, error) {
	o = o.withDefaults()
	rounds, err := o.replicate(ctx, customer, statistics)
	if err != nil {
		return nil, err
	}
	out := make([]Interval, len(statistics))
	for k, s := range statistics {
		out[k] = o.interval(s(o.Weights), rounds[k])
	}
	return out, nil
}

// replicate returns the value of each statistic in each round.
func (o Resampling) replicate(ctx context.Context, customer []int32, statistics []Statistic) ([][]float64, error) {
	code, customers := dense(customer)
	if customers == 0 || o.Weights != nil && len(o.Weights) != len(customer) {
		return nil, fmt.Errorf("resampling customers: %d rows with %d weights", len(customer), len(o.Weights))
	}
	out := make([][]float64, len(statistics))
	for k := range out {
		out[k] = make([]float64, o.Rounds)
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(o.Threads, o.Rounds) {
		wg.Go(func() {
			drawn, weights := make([]float64, customers), make([]float64, len(customer))
			for r := int(next.Add(1)) - 1; r < o.Rounds && ctx.Err() == nil; r = int(next.Add(1)) - 1 {
				o.draw(r, drawn, code, weights)
				for k, s := range statistics {
					out[k][r] = s(weights)
				}
			}
		})
	}
	wg.Wait()
	return out, ctx.Err()
}

// draw fills the weights of round r: how often a row's customer was drawn, times the
// row's own weight.
func (o Resampling) draw(r int, drawn []float64, code []int32, weights []float64) {
	clear(drawn)
	rng := rand.NewPCG(o.Seed, uint64(r))
	for range drawn {
		c, _ := bits.Mul64(rng.Uint64(), uint64(len(drawn)))
		drawn[c]++
	}
	for i, c := range code {
		weights[i] = drawn[c]
		if o.Weights != nil {
			weights[i] *= o.Weights[i]
		}
	}
}

// dense numbers the customers in order of first appearance.
func dense(customer []int32) (code []int32, customers int) {
	at := map[int32]int32{}
	code = make([]int32, len(customer))
	for i, c := range customer {
		k, ok := at[c]
		if !ok {
			k = int32(len(at))
			at[c] = k
		}
		code[i] = k
	}
	return code, len(at)
}

func (o Resampling) interval(value float64, rounds []float64) Interval {
	sorted := slices.DeleteFunc(slices.Clone(rounds), math.IsNaN)
	slices.Sort(sorted)
	return Interval{
		Value: value, Undefined: len(rounds) - len(sorted),
		Low: quantile(sorted, (1-o.Level)/2), High: quantile(sorted, (1+o.Level)/2),
	}
}

// quantile of sorted values, linear between neighbours (type 7 of Hyndman and Fan 1996).
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	at := q * float64(len(sorted)-1)
	i := min(int(at), len(sorted)-2)
	if i < 0 {
		return sorted[0]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}
