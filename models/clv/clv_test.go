package clv

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
)

// cdnow are the parameters published for the CDNOW sample, in weeks.
var (
	cdnow      = BGNBD{R: 0.243, Alpha: 4.414, A: 0.793, B: 2.426}
	cdnowValue = GammaGamma{P: 6.25, Q: 3.74, V: 15.44}
)

// golden is testdata/golden.json, made by testdata/golden.py.
type golden struct {
	Purchases []struct {
		Params    BGNBD
		X         int
		TX        float64
		T, H      float64
		Integrals struct {
			LogLikelihood float64 `json:"log_likelihood"`
			PAlive        float64 `json:"p_alive"`
			Expected      float64
			PNoOrder      float64 `json:"p_no_order"`
		}
		Lifetimes map[string]float64
	}
	Values []struct {
		N             int
		Mean          float64
		Expected      float64
		LogLikelihood float64 `json:"log_likelihood"`
	}
}

func readGolden(t *testing.T) golden {
	t.Helper()
	var g golden
	raw, err := os.ReadFile("testdata/golden.json")
	if err == nil {
		err = json.Unmarshal(raw, &g)
	}
	if err != nil || len(g.Purchases) == 0 || len(g.Values) == 0 {
		t.Fatalf("reading golden numbers: %v", err)
	}
	return g
}

func near(t *testing.T, what string, got, want, relative float64) {
	t.Helper()
	if !(math.Abs(got-want) <= relative*math.Max(math.Abs(want), 1e-9)) {
		t.Errorf("%s: %.15g, want %.15g (within %.0e)", what, got, want, relative)
	}
}

func random(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 7)) }

// life draws customers from the model's own story: order times in weeks after the
// first order, up to age t.
func (m BGNBD) life(rng *rand.Rand, t float64) []float64 {
	rate := distuv.Gamma{Alpha: m.R, Beta: m.Alpha, Src: rng}.Rand()
	p := distuv.Beta{Alpha: m.A, Beta: m.B, Src: rng}.Rand()
	var times []float64
	for at := rng.ExpFloat64() / rate; at <= t; at += rng.ExpFloat64() / rate {
		times = append(times, at)
		if rng.Float64() < p {
			break
		}
	}
	return times
}

// simulate draws n customers of ages between from and to weeks, in exact time.
func (m BGNBD) simulate(rng *rand.Rand, n int, from, to float64) []obs {
	out := make([]obs, n)
	for i := range out {
		t := from + (to-from)*rng.Float64()
		out[i] = obs{t: t, weight: 1}
		if times := m.life(rng, t); len(times) > 0 {
			out[i].x, out[i].tx = len(times), times[len(times)-1]
		}
	}
	return out
}

// days draws n customers as rows of whole days, with values.
func days(rng *rand.Rand, m BGNBD, g GammaGamma, n, from, to int) []Row {
	rows := make([]Row, n)
	for i := range rows {
		age := from + rng.IntN(to-from+1)
		nu := distuv.Gamma{Alpha: g.Q, Beta: g.V, Src: rng}.Rand()
		value := distuv.Gamma{Alpha: g.P, Beta: nu, Src: rng}
		orders := []Order{{Day: 0, Value: value.Rand()}}
		for _, at := range m.life(rng, float64(age)/week) {
			orders = append(orders, Order{Day: int(at * week), Value: value.Rand()})
		}
		r, ok, err := FromOrders(orders, age)
		if err != nil || !ok {
			panic(err)
		}
		rows[i] = r
	}
	return rows
}
