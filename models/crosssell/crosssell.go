// Package crosssell predicts which category, not bought for a while, an active
// customer will buy within the horizon. It is one task of package learn.
package crosssell

import (
	"github.com/mainstay-etl/mainstay/models/choose"
	"github.com/mainstay-etl/mainstay/models/golearnx"
	"github.com/mainstay-etl/mainstay/models/learn"
)

// Task is cross-sell: one row per active customer and category not bought in the
// lookback window, label bought. Its candidate rules are popularity, affinity
// with what the customer owns, and how many categories the customer buys.
func Task() learn.Task {
	return learn.Task{
		Name:  "cross_sell",
		Keys:  []string{"customer_id", "category"},
		Label: "bought",
		Of:    "chance",
		Rules: []string{"popularity_30", "popularity_90", "owner_share", "lift_mean", "lift_max", "confidence_mean", "confidence_max",
			"basket_lift_mean", "owned_category_count", "categories_90", "categories_180", "categories_all"},
		Activity:   "orders_30",
		ExplainTop: 3,
		Forest:     golearnx.Params{Trees: 100, MaxDepth: 8, MinLeaf: 60},
		By:         choose.ByCustomer,
	}
}
