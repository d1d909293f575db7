package learn

import (
	"context"
	"fmt"
	"hash/fnv"
	"math"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/eval"
)

// data are rows with known outcome.
type data struct {
	frame   *models.Frame
	labels  []bool
	weights []float64 // nil: all 1
}

func (d data) positives() int { return eval.Positives(d.labels) }

// bothOutcomes reports whether there is anything to learn or to judge.
func (d data) bothOutcomes() bool {
	p := d.positives()
	return p > 0 && p < len(d.labels)
}

// sample says which share of the rows of each outcome is learned from. When
// there are more rows than allowed, the commoner outcome is thinned first, down
// to half of the allowance; a kept row stands for 1/share rows.
type sample struct {
	seed     uint64
	positive float64
	negative float64
}

func newSample(seed uint64, positives, negatives, maxRows int) sample {
	s := sample{seed: seed, positive: 1, negative: 1}
	if positives+negatives <= maxRows {
		return s
	}
	half := float64(maxRows) / 2
	p, n := float64(positives), float64(negatives)
	switch {
	case p <= half:
		s.negative = (float64(maxRows) - p) / n
	case n <= half:
		s.positive = (float64(maxRows) - n) / p
	default:
		s.positive, s.negative = half/p, half/n
	}
	return s
}

func (s sample) all() bool { return s.positive == 1 && s.negative == 1 }

// keep decides by a hash of the row's key, so that neither the order of rows nor
// other rows matter.
func (s sample) keep(day, key string, label bool) (weight float64, ok bool) {
	share := s.negative
	if label {
		share = s.positive
	}
	h := fnv.New64a()
	fmt.Fprintf(h, "%d\x00%s\x00%s", s.seed, day, key)
	u := h.Sum64()
	u = (u ^ u>>32) * 0xd6e8feb86659fd93 // FNV alone leaves the upper bits uneven
	u = (u ^ u>>32) * 0xd6e8feb86659fd93
	u ^= u >> 32
	return 1 / share, float64(u>>11)*0x1p-53 < share
}

// read joins the features and labels of one snapshot. features, when not nil, are
// the columns to take.
func (t Task) read(ctx context.Context, s models.Snapshot, features []string) (data, error) {
	f, err := t.features(ctx, s)
	if err != nil {
		return data{}, err
	}
	if features != nil {
		if f, err = f.Project(features); err != nil {
			return data{}, err
		}
	}
	keys, known, err := models.ReadLabels(ctx, s.Labels, t.Label, t.Keys...)
	if err != nil {
		return data{}, err
	}
	rows, err := f.Match(keys)
	if err != nil {
		return data{}, err
	}
	labels := make([]bool, len(rows))
	for i, r := range rows {
		if r < 0 {
			return data{}, fmt.Errorf("joining labels of %s: %s has no row for %q", s.Day(), s.Labels, f.KeyOf(i))
		}
		labels[i] = known[r]
	}
	return data{frame: f, labels: labels}, nil
}

// readAll stacks snapshots, one in memory at a time beside what is kept. The
// latest one decides which features there are.
func (t Task) readAll(ctx context.Context, snapshots []models.Snapshot, o Options) (data, error) {
	positives, negatives := 0, 0
	for _, s := range snapshots {
		_, labels, err := models.ReadLabels(ctx, s.Labels, t.Label, t.Keys...)
		if err != nil {
			return data{}, err
		}
		p := eval.Positives(labels)
		positives, negatives = positives+p, negatives+len(labels)-p
	}
	smp := newSample(o.Seed, positives, negatives, o.MaxRows)
	parts := make([]data, len(snapshots))
	var features []string
	for i := len(snapshots) - 1; i >= 0; i-- {
		d, err := t.read(ctx, snapshots[i], features)
		if err != nil {
			return data{}, err
		}
		features = d.frame.Features()
		parts[i] = d.thin(smp, snapshots[i].Day())
	}
	return stack(parts)
}

func (d data) thin(s sample, day string) data {
	if s.all() {
		return d
	}
	var rows []int32
	var out data
	for i, l := range d.labels {
		if w, ok := s.keep(day, d.frame.KeyOf(i), l); ok {
			rows = append(rows, int32(i))
			out.labels, out.weights = append(out.labels, l), append(out.weights, w)
		}
	}
	out.frame = d.frame.Select(rows)
	return out
}

func stack(parts []data) (out data, err error) {
	var frames []*models.Frame
	for _, p := range parts {
		frames = append(frames, p.frame)
		out.labels, out.weights = append(out.labels, p.labels...), append(out.weights, p.weights...)
	}
	out.frame, err = models.Concat(frames...)
	return out, err
}

// tooLittle is the error for data without both outcomes.
func (d data) tooLittle(task string, days string) error {
	return fmt.Errorf("training %s: %w: %d rows of %s, %d of them positive; expected both outcomes",
		task, models.ErrTooLittle, len(d.labels), days, d.positives())
}

// defined drops metrics that have no value (one outcome only, no customers).
func defined(metrics []models.Metric) []models.Metric {
	var out []models.Metric
	for _, m := range metrics {
		if !math.IsNaN(m.Value) {
			out = append(out, m)
		}
	}
	return out
}
