package clv

import (
	"errors"
	"math"
	"testing"
)

func TestFromOrders(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		orders []Order
		want   Row
		ok     bool
	}{
		"none":                         {},
		"only at and after the cutoff": {orders: []Order{{100, 5}, {101, 5}}},
		"one":                          {[]Order{{99, 5}}, Row{Age: 1, Count: 1}, true},
		"two on one day are one":       {[]Order{{90, 5}, {90, 7}}, Row{Age: 10, Count: 1}, true},
		"unsorted, the future unseen": {[]Order{{95, 30}, {90, 1000}, {93, 4}, {95, 6}, {100, 9}},
			Row{Frequency: 2, Recency: 5, Age: 10, Second: 3, Value: 20, Values: 2, Count: 1}, true},
		"returned goods": {[]Order{{-5, 10}, {5, -8}}, Row{Frequency: 1, Recency: 10, Age: 105, Second: 10, Value: -8, Values: 1, Count: 1}, true},
	} {
		got, ok, err := FromOrders(c.orders, 100)
		if got != c.want || ok != c.ok || err != nil {
			t.Errorf("%s: %+v, %v, %v; want %+v, %v", name, got, ok, err, c.want, c.ok)
		}
	}
}

func TestSummary(t *testing.T) {
	t.Parallel()
	got, err := Summary{First: 10, Second: 12, Last: 40, Cutoff: 50, Days: 4, RepeatValue: 60}.Row()
	if want := (Row{Frequency: 3, Recency: 30, Age: 40, Second: 2, Value: 20, Values: 3, Count: 1}); err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	for name, s := range map[string]Summary{
		"no day":            {First: 10, Second: 10, Last: 10, Cutoff: 20},
		"cutoff too early":  {First: 10, Second: 10, Last: 10, Cutoff: 9, Days: 1},
		"last after cutoff": {First: 10, Second: 11, Last: 30, Cutoff: 20, Days: 2},
		"too many days":     {First: 10, Second: 11, Last: 12, Cutoff: 20, Days: 4},
		"not a number":      {First: 10, Second: 12, Last: 12, Cutoff: 20, Days: 2, RepeatValue: math.NaN()},
	} {
		if _, err := s.Row(); !errors.Is(err, ErrBadRow) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBadRows(t *testing.T) {
	t.Parallel()
	for _, r := range []Row{
		{Frequency: 1, Recency: 11, Age: 10}, {Frequency: -1}, {Age: -1}, {Recency: 3, Age: 5}, {Frequency: 4, Recency: 3, Age: 5},
		{Frequency: 1, Recency: 3, Age: 5, Second: 2}, {Frequency: 2, Recency: 3, Age: 5, Second: 4}, {Age: 5, Second: 2},
		{Age: maxDays + 1}, {Value: math.NaN()}, {Value: math.Inf(-1)}, {Value: 1e300}, {Values: 2}, {Values: -1}, {Count: -1},
	} {
		if _, err := Fit([]Row{{}, r}, Options{}); !errors.Is(err, ErrBadRow) {
			t.Errorf("%+v: %v", r, err)
		}
		if _, err := (&Model{}).Predict(r, 9); !errors.Is(err, ErrBadRow) {
			t.Errorf("predicting %+v: %v", r, err)
		}
	}
	if _, err := Fit(nil, Options{}); !errors.Is(err, ErrNoRows) {
		t.Errorf("no rows: %v", err)
	}
}
