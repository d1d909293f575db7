// Package rows reads what is learned from and judged on: the rows of snapshots, each
// with its features, its known outcome and how many rows of reality it stands for.
package rows

import (
	"context"
	"fmt"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/eval"
)

// Rows are rows with known outcome.
type Rows struct {
	Frame   *models.Frame
	Labels  []bool
	Weights []float64 // nil: all 1
}

// Len is the number of rows.
func (r Rows) Len() int { return len(r.Labels) }

// Positives counts the rows to which it happened.
func (r Rows) Positives() int { return eval.Positives(r.Labels) }

// BothOutcomes tells whether there is anything to learn or to judge.
func (r Rows) BothOutcomes() bool {
	p := r.Positives()
	return p > 0 && p < len(r.Labels)
}

// Rate is the weighted share of positives; NaN without rows.
func (r Rows) Rate() float64 {
	v := make([]float64, len(r.Labels))
	for i, l := range r.Labels {
		if l {
			v[i] = 1
		}
	}
	return eval.WeightedMean(v, r.Weights)
}

// Training is what an estimator's Fit takes.
func (r Rows) Training(threads int) models.Training {
	return models.Training{Frame: r.Frame, Labels: r.Labels, Weights: r.Weights, Threads: threads}
}

// Customers is the customer of each row, its first key; nil for a frame without keys.
func (r Rows) Customers() []string {
	if len(r.Frame.Keys()) == 0 {
		return nil
	}
	k := r.Frame.Keys()[0]
	out := make([]string, r.Frame.Rows())
	for i := range out {
		out[i] = k.At(i)
	}
	return out
}

// Codes numbers the customer of each row; without keys each row is one of its own.
func (r Rows) Codes() []int32 {
	if len(r.Frame.Keys()) > 0 {
		return r.Frame.Keys()[0].Codes()
	}
	out := make([]int32, len(r.Labels))
	for i := range out {
		out[i] = int32(i)
	}
	return out
}

// Select takes the given rows, in the given order.
func (r Rows) Select(at []int32) Rows {
	out := Rows{Frame: r.Frame.Select(at), Labels: make([]bool, len(at))}
	for k, i := range at {
		out.Labels[k] = r.Labels[i]
	}
	if r.Weights != nil {
		out.Weights = make([]float64, len(at))
		for k, i := range at {
			out.Weights[k] = r.Weights[i]
		}
	}
	return out
}

// Stack puts rows with the same features and keys one after the other.
func Stack(parts ...Rows) (out Rows, err error) {
	frames := make([]*models.Frame, 0, len(parts))
	n, weighted := 0, false
	for _, p := range parts {
		frames = append(frames, p.Frame)
		n, weighted = n+p.Len(), weighted || p.Weights != nil
	}
	out.Labels = make([]bool, 0, n)
	for _, p := range parts {
		out.Labels = append(out.Labels, p.Labels...)
	}
	if weighted {
		out.Weights = make([]float64, 0, n)
		for _, p := range parts {
			for i := range p.Labels {
				w := 1.0
				if p.Weights != nil {
					w = p.Weights[i]
				}
				out.Weights = append(out.Weights, w)
			}
		}
	}
	out.Frame, err = models.Concat(frames...)
	return out, err
}

// Reader knows the keys and the label of a task's files.
type Reader struct {
	// Keys name a row; the first is the customer. With two, the rows come from the
	// snapshot's CategoryFeatures and get the customer's features by lookup.
	Keys  []string
	Label string // column of the labels file, 0 or 1
}

// Features reads the model inputs of a snapshot.
func (r Reader) Features(ctx context.Context, s models.Snapshot) (*models.Frame, error) {
	if len(r.Keys) == 1 {
		return models.ReadFrame(ctx, s.CustomerFeatures, r.Keys...)
	}
	pairs, err := models.ReadFrame(ctx, s.CategoryFeatures, r.Keys...)
	if err != nil {
		return nil, err
	}
	customers, err := models.ReadFrame(ctx, s.CustomerFeatures, r.Keys[0])
	if err != nil {
		return nil, err
	}
	return pairs.Join(customers, r.Keys[0])
}

// Read joins the features and labels of one mature snapshot. features, when not nil,
// are the columns to take.
func (r Reader) Read(ctx context.Context, s models.Snapshot, features []string) (Rows, error) {
	f, err := r.Features(ctx, s)
	if err != nil {
		return Rows{}, err
	}
	if features != nil {
		if f, err = f.Project(features); err != nil {
			return Rows{}, err
		}
	}
	keys, known, err := models.ReadLabels(ctx, s.Labels, r.Label, r.Keys...)
	if err != nil {
		return Rows{}, err
	}
	match, err := f.Match(keys)
	if err != nil {
		return Rows{}, err
	}
	labels := make([]bool, len(match))
	for i, m := range match {
		if m < 0 {
			return Rows{}, fmt.Errorf("joining labels of %s: %s has no row for %q", s.Day(), s.Labels, f.KeyOf(i))
		}
		labels[i] = known[m]
	}
	return Rows{Frame: f, Labels: labels}, nil
}

// Part is the rows of one cutoff.
type Part struct {
	Snapshot models.Snapshot
	Rows     Rows // to learn from: thinned by the sample
	// Even are rows as they were read, of all outcomes alike: all of them, or, where Rows
	// were thinned, some that are evenly spaced. They show how values are spread.
	Even *models.Frame
	// Read and ReadPositives count the rows before they were thinned.
	Read          int
	ReadPositives int
}

// Day is the cutoff as YYYY-MM-DD.
func (p Part) Day() string { return p.Snapshot.Day() }

// ReadParts reads mature snapshots and keeps, of all of them together, about maxRows
// rows, weighted so that rates stay what they are (see sample.go). Files are read from
// the latest back, since the latest decides which features there are; the result is in
// the order of snapshots.
func (r Reader) ReadParts(ctx context.Context, snapshots []models.Snapshot, seed uint64, maxRows int) ([]Part, error) {
	positives, negatives := 0, 0
	for _, s := range snapshots {
		_, labels, err := models.ReadLabels(ctx, s.Labels, r.Label, r.Keys...)
		if err != nil {
			return nil, err
		}
		p := eval.Positives(labels)
		positives, negatives = positives+p, negatives+len(labels)-p
	}
	thin := newSample(seed, positives, negatives, maxRows)
	parts := make([]Part, len(snapshots))
	var features []string
	for i := len(snapshots) - 1; i >= 0; i-- {
		d, err := r.Read(ctx, snapshots[i], features)
		if err != nil {
			return nil, err
		}
		features = d.Frame.Features()
		parts[i] = Part{
			Snapshot: snapshots[i], Rows: thin.of(d, snapshots[i].Day()), Even: d.Frame,
			Read: d.Len(), ReadPositives: d.Positives(),
		}
		if thin.thins() && d.Len() > evenRows {
			parts[i].Even = d.Frame.Select(Evenly(d.Len(), evenRows))
		}
	}
	return parts, nil
}

// Join stacks the rows of parts.
func Join(parts []Part) (Rows, error) {
	all := make([]Rows, len(parts))
	for i, p := range parts {
		all[i] = p.Rows
	}
	return Stack(all...)
}
