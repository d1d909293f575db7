// Package churn predicts which active customers will not order within the
// horizon. It is one task of package learn.
package churn

import (
	"github.com/mainstay-etl/mainstay/models/golearnx"
	"github.com/mainstay-etl/mainstay/models/learn"
)

// Task is churn: one row per active customer, label churned. Its candidate rules
// are recency, frequency and how overdue the next order is.
func Task() learn.Task {
	return learn.Task{
		Name:     "churn",
		Keys:     []string{"customer_id"},
		Label:    "churned",
		Of:       "risk",
		Rules:    []string{"recency_days", "orders_90", "orders_180", "orders_all", "order_days", "overdue_ratio", "overdue_ratio_max", "silent_share"},
		Activity: "orders_30",
		Forest:   golearnx.Params{Trees: 200, MaxDepth: 10, MinLeaf: 40},
	}
}
