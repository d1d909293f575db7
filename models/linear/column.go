package linear

import (
	"math"
	"slices"

	"github.com/mainstay-etl/mainstay/models"
)

// column is what was learned about one feature. A feature gives the model up to two
// inputs, its value and whether it is missing, each standardised to mean 0 and standard
// deviation 1 on the (weighted) training rows:
//
//	value = (t(min(max(v, low), high)) - mean) / sd      t(x) = x or log(1 + x)
//	flag  = ((1 if missing, else 0) - rate) / flagSD
//
// A missing value is imputed by the mean, so its value input is 0. What would be
// constant on the training rows is no input.
type column struct {
	useValue, useFlag, log bool
	low, high, mean, sd    float64
	rate, flagSD           float64
	coef, flagCoef         float64 // the effect in log-odds of one standard deviation
}

// value is the value input, rounded to what the training matrix holds.
func (c *column) value(v float64) float64 {
	if v != v || !c.useValue {
		return 0
	}
	return float64(float32((c.transform(v) - c.mean) / c.sd))
}

// flag is the input that tells whether the value is missing.
func (c *column) flag(v float64) float64 {
	switch {
	case !c.useFlag:
		return 0
	case v != v:
		return float64(float32((1 - c.rate) / c.flagSD))
	}
	return float64(float32(-c.rate / c.flagSD))
}

// effect is what the feature adds to the log-odds.
func (c *column) effect(v float64) float64 { return c.coef*c.value(v) + c.flagCoef*c.flag(v) }

func (c *column) transform(v float64) float64 {
	v = math.Min(math.Max(v, c.low), c.high)
	if c.log {
		return math.Log1p(v)
	}
	return v
}

const (
	// fewValues is up to how many distinct values a column is not clipped: flags, counts
	// and codes have no outliers, and a rare flag must not be clipped away.
	fewValues = 16
	// heavy is the skewness from which on a column has a heavy tail (that of the
	// exponential distribution is 2).
	heavy = 1.0
)

// learnColumn looks at the training rows of one feature. rows are those that weigh
// anything, weights theirs with mean 1; buf is scratch.
func learnColumn(f models.Column, rows []int32, weights []float64, clip float64, buf []float64) (c column) {
	buf = buf[:0]
	missing := 0.0
	for k, i := range rows {
		if v := f.At(int(i)); v == v {
			buf = append(buf, v)
		} else {
			missing += weights[k]
		}
	}
	c.learnFlag(missing/float64(len(rows)), len(buf) > 0 && len(buf) < len(rows))
	if len(buf) == 0 {
		return c
	}
	slices.Sort(buf)
	c.learnClip(buf, clip)
	plain := c.moments(f, rows, weights, buf)
	if c.low >= 0 && plain.skew > heavy {
		c.log = true
		if logged := c.moments(f, rows, weights, buf); math.Abs(logged.skew) < 0.9*plain.skew {
			plain = logged
		} else {
			c.log = false // a rare flag stays as skewed as it was
		}
	}
	c.mean, c.sd = plain.mean, plain.sd
	c.useValue = c.sd > 1e-10*math.Abs(c.mean) && !math.IsInf(c.sd, 0) && !math.IsInf(c.mean, 0)
	if !c.useValue {
		c.log, c.low, c.high, c.mean, c.sd = false, 0, 0, 0, 0
	}
	return c
}

func (c *column) learnFlag(rate float64, use bool) {
	if sd := math.Sqrt(rate * (1 - rate)); use && sd > 0 {
		c.useFlag, c.rate, c.flagSD = true, rate, sd
	}
}

// learnClip sets the limits to the quantiles clip and 1-clip, or to the whole range
// where there are few distinct values or next to nothing would be left.
func (c *column) learnClip(sorted []float64, clip float64) {
	n := len(sorted)
	c.low, c.high = sorted[0], sorted[n-1]
	distinct := 1
	for i := 1; i < n && distinct <= fewValues; i++ {
		if sorted[i] != sorted[i-1] {
			distinct++
		}
	}
	if distinct <= fewValues || clip <= 0 {
		return
	}
	k := int(clip * float64(n-1))
	if low, high := sorted[k], sorted[n-1-k]; low < high {
		c.low, c.high = low, high
	}
}

type moments struct{ mean, sd, skew float64 }

// moments are those of the transformed values that are there, weighted. buf holds one
// number per row.
func (c *column) moments(f models.Column, rows []int32, weights, buf []float64) (m moments) {
	total := 0.0
	buf = buf[:0]
	for k, i := range rows {
		v := f.At(int(i))
		if v == v {
			v = c.transform(v)
			total += weights[k]
			m.mean += weights[k] * v
		}
		buf = append(buf, v)
	}
	m.mean /= total
	square, cube := 0.0, 0.0
	for k, v := range buf {
		if v == v {
			d := v - m.mean
			square += weights[k] * d * d
			cube += weights[k] * d * d * d
		}
	}
	m.sd = math.Sqrt(square / total)
	if m.sd > 0 {
		m.skew = cube / total / (m.sd * m.sd * m.sd)
	}
	return m
}
