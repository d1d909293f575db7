package clv

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// sane fails unless predictions are finite, probabilities are ones, and more time
// means more orders.
func sane(t *testing.T, m *Model, r Row) {
	t.Helper()
	var last Prediction
	for i, h := range []float64{0, 1, 90, 365, 3650} {
		p, err := m.Predict(r, h)
		if err != nil {
			t.Fatal(err)
		}
		value, err := m.Value(r, h, 0.1)
		if err != nil || !finite(p.PAlive, p.PAliveConservative, p.PNoOrder, p.ExpectedOrders, p.ValuePerOrder, value) {
			t.Fatalf("%+v, %v days: %+v, value %v, %v; %+v", r, h, p, value, err, m)
		}
		for _, prob := range []float64{p.PAlive, p.PAliveConservative, p.PNoOrder} {
			if prob < 0 || prob > 1 {
				t.Fatalf("%+v, %v days: %+v", r, h, p)
			}
		}
		if h == 0 && (p.PNoOrder != 1 || p.ExpectedOrders != 0) {
			t.Fatalf("%+v, no time at all: %+v", r, p)
		}
		// P(an order) <= E[orders], and both grow with time.
		const eps = 1e-12
		if 1-p.PNoOrder > p.ExpectedOrders*(1+1e-9)+eps || p.PAliveConservative > p.PAlive+eps ||
			i > 0 && (p.PNoOrder > last.PNoOrder+eps || p.ExpectedOrders < last.ExpectedOrders*(1-1e-12)) {
			t.Fatalf("%+v, %v days: %+v after %+v; %+v", r, h, p, last, m)
		}
		if full := p.ExpectedOrders * p.ValuePerOrder; math.Abs(value) > math.Abs(full)*(1+1e-6) {
			t.Fatalf("%+v, %v days: discounted %v, not discounted %v", r, h, value, full)
		}
		last = p
	}
}

func fit(t *testing.T, rows []Row) *Model {
	t.Helper()
	m, err := Fit(rows, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range append(slices.Clone(rows[:min(len(rows), 50)]), Row{}, Row{Age: maxDays}, Row{Age: maxDays, Recency: maxDays, Frequency: 5000},
		Row{Frequency: 1, Recency: 1, Age: 1, Value: -5, Values: 1}, Row{Frequency: 3, Recency: 50, Age: 4000, Value: 1e15, Values: 4},
		Row{Frequency: 3, Recency: 50, Age: 50, Value: 1e-300, Values: 1}) {
		sane(t, m, r)
	}
	return m
}

func TestDegenerate(t *testing.T) {
	t.Parallel()
	many := func(n int, make func(i int) Row) []Row {
		var rows []Row
		for i := range n {
			rows = append(rows, make(i))
		}
		return rows
	}
	regular := func(i int) Row { return Row{Frequency: 10, Recency: 300, Age: 310 + i%20, Value: 20, Values: 10} }
	for name, c := range map[string]struct {
		rows             []Row
		purchase, values string // part of the reason; "": the model is used
	}{
		"one customer":         {many(1, regular), "second day", "positive value"},
		"one brand-new one":    {[]Row{{}}, "second day", "positive value"},
		"all bought once":      {many(5000, func(i int) Row { return Row{Age: i % 900} }), "second day", "positive value"},
		"all regular":          {many(500, regular), "", "same mean value"},
		"huge age":             {many(500, func(i int) Row { return Row{Frequency: i % 3, Recency: i % 3 * 1000, Age: maxDays} }), "", "positive value"},
		"back once, then gone": {many(500, func(i int) Row { return Row{Frequency: 1, Recency: 1 + i%40, Age: 2000} }), "degenerate", "positive value"},
		"always on day one":    {many(500, func(i int) Row { return Row{Frequency: 1, Recency: 1, Age: 1} }), "", "positive value"},
		"values negative":      {many(200, func(i int) Row { r := regular(i); r.Value = -float64(i); return r }), "", "positive value"},
		"every order the same": {many(900, func(i int) Row { r := regular(i); r.Value = float64(10 + i%7); return r }), "", ""},
		"values wild": {many(900, func(i int) Row {
			r := regular(i)
			r.Value = math.Exp(float64(i%60) - 30)
			return r
		}), "", "infinite"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := fit(t, c.rows)
			t.Logf("%+v\n%+v\n%v %v %+v", m.Purchases, m.Values, m.Empirical.Gap, m.Empirical.Dropout, m.Credibility)
			for what, o := range map[string]struct{ got, want string }{
				"purchases": {m.Purchases.Outcome.Fallback, c.purchase}, "values": {m.Values.Outcome.Fallback, c.values},
			} {
				if (o.want == "") != (o.got == "") || !strings.Contains(o.got, o.want) {
					t.Errorf("%s fell back because of %q, want %q", what, o.got, o.want)
				}
			}
		})
	}
}

// Where one-time buyers do not come back, the conservative P(alive) says so, and
// BG/NBD's own cannot.
func TestOneTimeBuyers(t *testing.T) {
	t.Parallel()
	rows := days(random(8), BGNBD{0.5, 6, 0.6, 1.2}, cdnowValue, 6000, 100, 700)
	m := fit(t, rows)
	young, old := Row{Age: 20}, Row{Age: 650}
	at := func(r Row) Prediction {
		p, err := m.Predict(r, 90)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	if a := at(old); a.PAlive != 1 || a.PAliveConservative >= at(young).PAliveConservative || a.PNoOrder <= at(young).PNoOrder {
		t.Errorf("old %+v, young %+v", a, at(young))
	}
	// The model was true: its probabilities and the cohort's agree.
	for _, age := range []float64{30, 120, 300} {
		p := at(Row{Age: int(age)})
		if r := m.Empirical.OneTime.Returns(age, 90); math.Abs(1-p.PNoOrder-r) > 0.03 {
			t.Errorf("age %v: the cohort returns with %.3f, BG/NBD says %.3f", age, r, 1-p.PNoOrder)
		}
	}
}

// The fallback is a rule of thumb, but must rank and roughly count: on customers
// of the model's own story its sums are near what BG/NBD, knowing the truth, says.
func TestFallbackIsUseful(t *testing.T) {
	t.Parallel()
	rows := days(random(9), BGNBD{0.8, 6, 0.5, 2}, cdnowValue, 6000, 100, 600)
	m := fit(t, rows)
	forced := *m
	forced.Purchases.Outcome.Fallback = "a test"
	forced.Values.Outcome.Fallback = "a test"
	var none, ruleNone, orders, ruleOrders, worth, ruleWorth, cov, v1, v2 float64
	for _, r := range rows {
		a, err1 := m.Predict(r, 90)
		b, err2 := forced.Predict(r, 90)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		none, ruleNone = none+a.PNoOrder, ruleNone+b.PNoOrder
		orders, ruleOrders = orders+a.ExpectedOrders, ruleOrders+b.ExpectedOrders
		worth, ruleWorth = worth+a.ValuePerOrder, ruleWorth+b.ValuePerOrder
		cov += (a.PNoOrder - 0.7) * (b.PNoOrder - 0.7)
		v1 += (a.PNoOrder - 0.7) * (a.PNoOrder - 0.7)
		v2 += (b.PNoOrder - 0.7) * (b.PNoOrder - 0.7)
	}
	near(t, "customers without an order", ruleNone, none, 0.1)
	near(t, "orders", ruleOrders, orders, 0.25)
	near(t, "values", ruleWorth, worth, 0.1)
	if c := cov / math.Sqrt(v1*v2); c < 0.9 {
		t.Errorf("the rule and the model agree by %.3f only", c)
	}
	t.Logf("none %.4f %.4f orders %.4f %.4f worth %.4f %.4f agree %.4f", ruleNone, none, ruleOrders, orders, ruleWorth, worth, cov/math.Sqrt(v1*v2))
}

func TestDiscounting(t *testing.T) {
	t.Parallel()
	m := fit(t, days(random(10), cdnow, cdnowValue, 3000, 100, 300))
	r := Row{Frequency: 4, Recency: 150, Age: 160, Value: 30, Values: 4}
	for _, rate := range []float64{0, 0.1, 2} {
		got, err := m.DiscountedOrders(r, 730, rate)
		if err != nil {
			t.Fatal(err)
		}
		want := 0.0 // day by day
		for d := range 730 {
			want += (m.orders(r, float64(d+1)) - m.orders(r, float64(d))) * math.Pow(1+rate, -(float64(d)+0.5)/365)
		}
		near(t, "discounted orders", got, want, 1e-6)
	}
	for _, bad := range []float64{-0.1, math.NaN(), math.Inf(1)} {
		if _, err := m.DiscountedOrders(r, 30, bad); err == nil {
			t.Errorf("a discount rate of %v was taken", bad)
		}
		if _, err := m.Predict(r, bad); err == nil {
			t.Errorf("a horizon of %v was taken", bad)
		}
	}
}

func TestSaveAndLoad(t *testing.T) {
	t.Parallel()
	rows := days(random(11), cdnow, cdnowValue, 3000, 100, 300)
	for _, rows := range [][]Row{rows, rows[:3]} {
		m := fit(t, rows)
		again, shuffled := fit(t, rows), slices.Clone(rows)
		b, err := m.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if b2, _ := again.Marshal(); !bytes.Equal(b, b2) {
			t.Error("the same fit wrote different bytes")
		}
		got, err := Load(b)
		if err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("loaded %+v, %v; saved %+v", got, err, m)
		}
		random(1).Shuffle(len(rows), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if other := fit(t, shuffled); !reflect.DeepEqual(other.Purchases, m.Purchases) {
			t.Errorf("in another order: %+v, want %+v", other.Purchases, m.Purchases)
		}
		for _, bad := range [][2]string{{`"format": 1`, `"format": 2`}, {`"dropout": 0`, `"dropout": 7`}, {`"k": `, `"k": -`}, {"{", ""}} {
			if _, err := Load(bytes.Replace(b, []byte(bad[0]), []byte(bad[1]), 1)); !errors.Is(err, ErrBadModel) {
				t.Errorf("with %s for %s: %v", bad[1], bad[0], err)
			}
		}
	}
}

// anyRow draws a possible customer.
func anyRow(rng *rand.Rand, longest int) Row {
	r := Row{Age: rng.IntN(longest + 1), Count: rng.IntN(3)}
	if r.Age > 0 && rng.IntN(3) > 0 {
		r.Recency = 1 + rng.IntN(r.Age)
		r.Frequency = 1 + rng.IntN(min(r.Recency, 40))
		r.Values, r.Value = r.Frequency, rng.NormFloat64()*10+20
	}
	return r
}

func TestAnyParametersAnyRow(t *testing.T) {
	t.Parallel()
	rng := random(12)
	base := fit(t, days(rng, cdnow, cdnowValue, 500, 100, 300))
	between := func(lo, hi []float64, i int) float64 { return math.Exp(lo[i] + (hi[i]-lo[i])*rng.Float64()) }
	for range 3000 {
		m := *base
		m.Purchases.Outcome.Fallback, m.Values.Outcome.Fallback = "", ""
		m.Purchases.Params = BGNBD{between(bgLow, bgHigh, 0), between(bgLow, bgHigh, 1), between(bgLow, bgHigh, 2), between(bgLow, bgHigh, 3)}
		if p := m.Purchases.Params; p.R/p.Alpha > 7 {
			m.Purchases.Params.R = 7 * p.Alpha // an order a day
		}
		m.Values.Params = GammaGamma{between(ggLow, ggHigh, 0), 1.01 + between(ggLow, ggHigh, 1), between(ggLow, ggHigh, 2)}
		sane(t, &m, anyRow(rng, 3000))
	}
}

// Whatever the rows: a fit or a stated fallback, and finite predictions.
func FuzzFit(f *testing.F) {
	for seed := range uint64(12) {
		f.Add(seed, uint16(3+seed*30), uint16(1+seed*150))
	}
	f.Fuzz(func(t *testing.T, seed uint64, n, longest uint16) {
		rng := random(seed)
		rows := make([]Row, 1+int(n)%600)
		for i := range rows {
			rows[i] = anyRow(rng, int(longest))
		}
		m := fit(t, rows)
		if o := m.Purchases.Outcome; o.Fallback == "" && !o.Converged {
			t.Errorf("used without convergence: %+v", o)
		}
		b, err := m.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Load(b); err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("loading: %v", err)
		}
	})
}
