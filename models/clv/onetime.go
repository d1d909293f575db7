package clv

import "math"

// OneTime is the cohort of customers as they are after their first order: how
// long until the second. It is a life table (actuarial estimate) by week since
// the first order. Customers who came back are events at their second order day
// (where that is not known, at their mean gap); the others are censored at
// their age. It assumes no distribution, and nothing of a customer but its age.
type OneTime struct {
	// Hazard[j] is the cumulated hazard of a second order until week j begins,
	// as far as at least 50 customers are under observation.
	Hazard    []float64 `json:"hazard"`
	Tail      float64   `json:"tail"` // hazard per week after that: that of the last 26 weeks of the table
	Customers float64   `json:"customers"`
	Returned  float64   `json:"returned"` // of these, ordered again
}

const (
	minAtRisk  = 50   // customers behind a week of the table
	maxWeeks   = 1040 // weeks that a table may have
	tailWeeks  = 26
	maxHazard  = 7.0 // per week: all but one in a thousand return
	aliveYears = 2.0 // a one-time buyer who would not return within these is gone
)

func newOneTime(rows []Row) OneTime {
	var events, censored [maxWeeks]float64
	o := OneTime{Hazard: []float64{0}}
	exposure, atRisk := 0.0, 0.0
	for _, r := range rows {
		w := r.weight()
		o.Customers += w
		if r.Frequency > 0 {
			gap := r.firstGap()
			o.Returned += w
			exposure += w * gap / week
			events[min(int(gap/week), maxWeeks-1)] += w
			continue
		}
		exposure += w * float64(r.Age) / week
		censored[min(r.Age/week, maxWeeks-1)] += w
	}
	var hazards, seen []float64
	atRisk = o.Customers
	for j := 0; j < maxWeeks-1 && atRisk >= minAtRisk; j++ { // the last week is a rest, not a week
		under := atRisk - censored[j]/2
		h := math.Min(-math.Log1p(-math.Min(events[j]/under, 0.9999)), maxHazard)
		hazards, seen = append(hazards, h), append(seen, under)
		o.Hazard = append(o.Hazard, o.Hazard[j]+h)
		atRisk -= events[j] + censored[j]
	}
	// Half an event and a week of exposure keep the tail from 0/0 and from certainty.
	o.Tail = (o.Returned + 0.5) / (exposure + 1)
	if from := len(hazards) - tailWeeks; from >= 0 {
		sum, under := 0.5, 1.0
		for j := from; j < len(hazards); j++ {
			sum += hazards[j] * seen[j]
			under += seen[j]
		}
		o.Tail = sum / under
	}
	o.Tail = math.Min(o.Tail, maxHazard)
	return o
}

// cumulated is the cumulated hazard until a customer is so many days old.
func (o OneTime) cumulated(days float64) float64 {
	w := days / week
	last := len(o.Hazard) - 1
	if w >= float64(last) {
		return o.Hazard[last] + (w-float64(last))*o.Tail
	}
	j := int(w)
	return o.Hazard[j] + (w-float64(j))*(o.Hazard[j+1]-o.Hazard[j])
}

// Returns is P(second order in (age, age+h] | none until age), in days: the
// return rate of customers who bought once and are now of that age.
func (o OneTime) Returns(age, h float64) float64 {
	return -math.Expm1(o.cumulated(age) - o.cumulated(age+h))
}

func (o OneTime) valid() bool {
	if len(o.Hazard) == 0 || o.Hazard[0] != 0 || !(o.Tail > 0) || !finite(o.Tail) {
		return false
	}
	for j := 1; j < len(o.Hazard); j++ {
		if !(o.Hazard[j] >= o.Hazard[j-1]) || !finite(o.Hazard[j]) {
			return false
		}
	}
	return true
}
