package main

import (
	"context"
	"fmt"
	"math"
	"path/filepath"

	"github.com/mainstay-etl/mainstay/models"
)

// features is how many columns there are: as many kinds as customers' features have.
const features = 40

// heldOut is how many rows everybody scores and is judged on.
const heldOut = 200_000

// random numbers of a row, the same on every machine.
type random uint64

func (r *random) next() float64 {
	*r += 0x9e3779b97f4a7c15
	z := uint64(*r)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return float64((z^z>>31)>>11+1) * 0x1p-53 // never 0
}

// normal is Box and Muller's.
func (r *random) normal() float64 {
	return math.Sqrt(-2*math.Log(r.next())) * math.Cos(2*math.Pi*r.next())
}

// row makes one customer: two hidden traits and what can be seen of them. About a
// quarter of the labels are true.
func row(seed uint64, i int, out *[features]float64) (label bool) {
	r := random(seed*0x2545f4914f6cdd1d + uint64(i)*0xd1342543de82ef95)
	r.next()
	loyal, rich := r.normal(), r.normal()
	recency := math.Floor(180 * math.Pow(r.next(), 1+math.Exp(loyal)/2))
	orders := 1 + math.Floor(math.Exp(0.8*loyal+0.7*r.normal()+0.5))
	for j := range out {
		switch j % 8 {
		case 0: // amounts: heavy tails, cents
			out[j] = math.Round(100*math.Exp(3+rich+0.3*loyal+0.9*r.normal())) / 100
		case 1: // counts
			out[j] = math.Floor(orders * r.next() * 1.5)
		case 2: // days
			out[j] = math.Floor(recency*(0.5+r.next()) + 20*r.next())
		case 3: // flags, some of them rare
			out[j] = 0
			if r.next() < 0.02+0.1*float64(j%5)+0.05*math.Tanh(rich) {
				out[j] = 1
			}
		case 4: // shares, missing where there is nothing to divide
			out[j] = math.Round(1000/(1+math.Exp(-0.7*loyal-r.normal()))) / 1000
			if orders < 2+float64(j%3) {
				out[j] = math.NaN()
			}
		case 5: // means, missing for some by chance
			out[j] = rich*10 + 15*r.normal()
			if r.next() < 0.1*float64(j%4) {
				out[j] = math.NaN()
			}
		case 6: // codes
			out[j] = math.Floor(12 * r.next())
		default: // noise
			out[j] = r.normal()
		}
		out[j] = float64(float32(out[j])) // what everybody can hold
	}
	missing := 0.0
	if out[4] != out[4] {
		missing = 0.5
	}
	logit := -1.55 + 0.009*(out[2]-60) - 0.5*loyal + missing + 0.25*math.Sin(out[6]) +
		0.4*math.Tanh(out[7]*out[15]) - 0.3*math.Log1p(out[1]) + 0.35*(out[3]-0.3)*math.Tanh(rich) + 0.2*out[23]*out[11]
	if out[0] > 60 && out[10] > 40 {
		logit += 0.8
	}
	return r.next() < 1/(1+math.Exp(-logit))
}

const labelColumn = "label"

// table makes rows [from, from+n).
func table(seed uint64, from, n int) (columns [][]float32, labels []bool) {
	columns, labels = make([][]float32, features), make([]bool, n)
	for j := range columns {
		columns[j] = make([]float32, n)
	}
	var out [features]float64
	for i := range n {
		labels[i] = row(seed, from+i, &out)
		for j, v := range out {
			columns[j][i] = float32(v)
		}
	}
	return columns, labels
}

// write makes the Parquet files of one size: train and test.
func write(dir string, seed uint64, rows int) error {
	for name, span := range map[string][2]int{"train": {heldOut, rows}, "test": {0, heldOut}} {
		columns, labels := table(seed, span[0], span[1])
		out := []models.OutColumn{{Name: labelColumn, Int: func(i int) (int32, bool) {
			if labels[i] {
				return 1, true
			}
			return 0, true
		}}}
		for j, c := range columns {
			out = append(out, models.OutColumn{Name: fmt.Sprintf("f%02d", j), Float: func(i int) (float64, bool) {
				return float64(c[i]), c[i] == c[i]
			}})
		}
		if err := models.WriteParquet(filepath.Join(dir, name+".parquet"), span[1], out); err != nil {
			return err
		}
	}
	return nil
}

// read gives the features and labels of a file.
func read(ctx context.Context, path string) (*models.Frame, []bool, error) {
	f, labels, err := models.ReadLabels(ctx, path, labelColumn)
	if err != nil {
		return nil, nil, err
	}
	names := make([]string, 0, features)
	for _, name := range f.Features() {
		if name != labelColumn {
			names = append(names, name)
		}
	}
	f, err = f.Project(names)
	return f, labels, err
}
