// Package loyalty fits the loyalty index F = G(a, b, c, d): how likely a customer with a
// orders, b different products, c units and d revenue per year is to come back.
//
// G is a logistic regression in log(1 + x) whose four coefficients are never negative, so
// that more of anything never lowers F. It is fitted by maximum likelihood with a small
// ridge on what customers did after earlier cutoffs. Terms that say nothing beyond the
// others, or point the wrong way, get the coefficient 0.
package loyalty

import (
	"fmt"
	"math"

	"github.com/mainstay-etl/mainstay/models"
)

// Terms are the inputs of G, in the order of coefficients.
var Terms = [terms]string{"orders", "products", "units", "revenue"}

const terms = 4

// Least is how many customers who came back, and how many who did not, a fit needs.
const Least = 20

// Ridge is the penalty Ridge/2 * sum((coefficient * deviation of the term)^2) on the
// log-likelihood: the prior that a coefficient on a term of deviation 1 is normal with
// variance 1 / Ridge. It decides nothing among some hundred customers, and keeps the
// coefficients finite where the outcomes can be told apart without an error.
const Ridge = 1.0

// Customer is what one customer bought in a year before a cutoff, and what came of it.
type Customer struct {
	Yearly [terms]float64 // as Terms; at least 0
	Again  bool           // ordered at least twice in the horizon after the cutoff
	// Group is the number, from 0, of the customer: the same for rows at several cutoffs,
	// whose standard errors allow for what they have in common.
	Group int
}

// Model is a fitted G.
type Model struct {
	Intercept    float64
	Coefficients [terms]float64 // as Terms; at least 0

	// Standard errors, robust to customers who occur at several cutoffs; NaN for a
	// coefficient that is held at 0.
	InterceptError    float64
	CoefficientErrors [terms]float64

	N, Positives  int     // rows, and those who came back
	LogLikelihood float64 // without the penalty
}

// Index is F for what a customer bought in a year, from 0 to 1.
func (m *Model) Index(yearly [terms]float64) float64 {
	z := m.Intercept
	for j, x := range yearly {
		z += m.Coefficients[j] * math.Log1p(x)
	}
	return 1 / (1 + math.Exp(-z))
}

// Fit learns G. Fewer than Least customers who came back, or who did not, are
// models.ErrTooLittle; a negative or infinite input is an error that names the row.
func Fit(customers []Customer) (*Model, error) {
	positives := 0
	for i, c := range customers {
		for j, x := range c.Yearly {
			if math.IsNaN(x) || math.IsInf(x, 0) || x < 0 {
				return nil, fmt.Errorf("fitting the loyalty index: row %d: %s per year is %v; expected a finite number of at least 0", i, Terms[j], x)
			}
		}
		if c.Group < 0 {
			return nil, fmt.Errorf("fitting the loyalty index: row %d: group %d; expected a number of at least 0", i, c.Group)
		}
		if c.Again {
			positives++
		}
	}
	if positives < Least || len(customers)-positives < Least {
		return nil, fmt.Errorf("fitting the loyalty index: %w: %d of %d customers came back, expected at least %d who did and %d who did not",
			models.ErrTooLittle, positives, len(customers), Least, Least)
	}
	d := newDesign(customers)
	theta, err := d.maximise()
	if err != nil {
		return nil, fmt.Errorf("fitting the loyalty index: %w", err)
	}
	m := &Model{N: len(customers), Positives: positives}
	m.LogLikelihood = d.logLikelihood(theta)
	m.Intercept, m.Coefficients = d.unscale(theta)
	m.InterceptError, m.CoefficientErrors, err = d.standardErrors(theta)
	return m, err
}
