package models

// Names of metrics. All are of one set of rows at one later time; see package
// eval for their definitions.
const (
	AUC              = "auc"                 // 0.5: no better than chance
	AveragePrecision = "average_precision"   // base rate: no better than chance
	LogLoss          = "log_loss"            // natural logarithm, less is better
	Brier            = "brier"               // mean squared error of the probability
	LiftTop10        = "lift_top_10"         // positives in the best tenth over positives in any tenth
	CalibrationError = "calibration_error"   // expected, ten bins of equal size
	BaseRate         = "base_rate"           // share of positives
	MeanProbability  = "mean_probability"    // to compare with base_rate
	HitAt3           = "hit_at_3"            // a right one among a customer's best three
	AUCWithin        = "auc_within_customer" // mean over customers
	StakeTotal       = "stake_total"         // money at stake of those to whom it happened
	StakeTop10       = "stake_top_10"        // share of it in the tenth that was ranked first
	StakeBest10      = "stake_best_10"       // the same had everything been known: the most that a tenth can hold
	StakeTop3        = "stake_top_3"         // share of it in the three rows of each customer that were ranked first
	StakeBest3       = "stake_best_3"        // the most that three rows of each customer can hold
	Unmatched        = "unmatched"           // grades: scores whose outcome is not known
)

// Metric is one row of a report.
type Metric struct {
	Estimator string  `json:"estimator"` // "forest", or "rule: recency_days"
	Data      string  `json:"data"`      // what it was measured on: "validation 2011-06-01"
	Name      string  `json:"name"`
	Value     float64 `json:"value"`
	N         int     `json:"n"` // rows (customers for hit_at_3 and auc_within_customer)
	// Low and High bound the value: a 95 % interval by resampled customers. Both 0: none.
	Low  float64 `json:"low,omitempty"`
	High float64 `json:"high,omitempty"`
}
