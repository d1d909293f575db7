package choose

import (
	"fmt"
	"math"

	"github.com/mainstay-etl/mainstay/models/eval"
)

// Criterion says by what candidates are compared. Less is better.
type Criterion string

const (
	// ByLogLoss compares probabilities: the log loss after the straight line in log-odds
	// that suits a fold best. What is published is calibrated, so a level that is off
	// alone costs nothing.
	ByLogLoss Criterion = "log loss"
	// ByCustomer compares the order of a customer's own rows: one less the AUC within the
	// customer, the mean over customers with both outcomes. It is for tasks whose rows
	// compete for one place, such as which category to offer. Log loss over all rows
	// hardly sees that order: how much a customer buys at all outweighs it.
	ByCustomer Criterion = "1 - AUC within customer"
)

// criterion is the one asked for, or log loss where a fold has no customer with both
// outcomes.
func (r *run) criterion() (Criterion, error) {
	switch by := r.options.By; by {
	case "", ByLogLoss:
	case ByCustomer:
		for _, j := range r.judged {
			if eval.ByCustomer(j.customer, j.rows.Labels, j.proba[0], 1).AUCN == 0 {
				return ByLogLoss, nil
			}
		}
		return by, nil
	default:
		return "", fmt.Errorf("choosing a model: the criterion %q is not known", by)
	}
	return ByLogLoss, nil
}

// weigh adds to costs what each candidate that is not there yet costs at each customer;
// over the customers of all folds that adds up to its value of the criterion.
func (r *run) weigh() {
	for k := len(r.costs); k < len(r.candidates); k++ {
		cost := make([]float64, r.customers)
		for _, j := range r.judged {
			if r.by == ByCustomer {
				r.addOrder(cost, j, k)
			} else {
				r.addLoss(cost, j, k)
			}
		}
		r.costs = append(r.costs, cost)
	}
}

func (r *run) addLoss(cost []float64, j judgedFold, k int) {
	total := 0.0
	for i := range j.rows.Labels {
		total += weight(j.rows, i)
	}
	share := 1 / total / float64(len(r.judged))
	for i, l := range j.rows.Labels {
		cost[j.customer[i]] += share * weight(j.rows, i) * loss(l, j.line[k][i])
	}
}

func (r *run) addOrder(cost []float64, j judgedFold, k int) {
	auc := eval.AUCByCustomer(j.customer, j.rows.Labels, j.proba[k])
	share := 1 / float64(len(auc)) / float64(len(r.judged))
	for c, v := range auc {
		cost[c] += share * (1 - v)
	}
}

// behind is how much more candidate a costs than b, and the standard error of that over
// customers.
func (r *run) behind(a, b int) (mean, se float64) {
	n := float64(r.customers)
	for c := range r.customers {
		mean += r.costs[a][c] - r.costs[b][c]
	}
	square := 0.0
	for c := range r.customers {
		d := r.costs[a][c] - r.costs[b][c] - mean/n
		square += d * d
	}
	return mean, math.Sqrt(square * n / math.Max(n-1, 1))
}
