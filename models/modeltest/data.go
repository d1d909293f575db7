// Package modeltest checks that an estimator keeps the contract of
// [models.Estimator]. A test of an implementation is a few lines:
//
//	func TestContract(t *testing.T) {
//		modeltest.Run(t, func(seed uint64) models.Estimator { return New(Params{Seed: seed}) })
//	}
package modeltest

import (
	"math"
	"testing"

	"github.com/mainstay-etl/mainstay/models"
)

// Data is a made-up set of rows with known outcome.
type Data struct {
	Frame  *models.Frame
	Labels []bool
}

// Training is the data as Fit takes it.
func (d Data) Training() models.Training { return models.Training{Frame: d.Frame, Labels: d.Labels} }

// noise is a tiny generator with numbers in [0, 1), the same on every machine.
type noise uint64

func (n *noise) next() float64 {
	*n += 0x9e3779b97f4a7c15
	z := uint64(*n)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return float64((z^z>>31)>>11) * 0x1p-53
}

// Easy makes rows whose outcome depends on days (more: likelier), on count and
// on whether gap is missing; flat is constant, empty always missing and blur
// noise. About 53 in 100 are positive and an ideal model reaches an AUC of 0.86.
func Easy(tb testing.TB, rows int, seed uint64) Data {
	tb.Helper()
	names := []string{"days", "count", "gap", "flat", "empty", "blur"}
	columns := make([][]float64, len(names))
	n := noise(seed)
	labels := make([]bool, rows)
	for i := range labels {
		days, count, gap := math.Floor(n.next()*180), math.Floor(n.next()*n.next()*20), n.next()*50
		if n.next() < 0.3 {
			gap = math.NaN()
		}
		logit := 0.03*(days-90) - 0.25*(count-4)
		if gap != gap {
			logit += 1
		}
		labels[i] = n.next() < 1/(1+math.Exp(-logit))
		for j, v := range []float64{days, count, gap, 7, math.NaN(), n.next()} {
			columns[j] = append(columns[j], v)
		}
	}
	f, err := models.NewFrame(names, columns)
	if err != nil {
		tb.Fatal(err)
	}
	return Data{f, labels}
}
