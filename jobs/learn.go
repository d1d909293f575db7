package jobs

import (
	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/churn"
	"github.com/mainstay-etl/mainstay/models/crosssell"
	"github.com/mainstay-etl/mainstay/models/learn"
	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/config"
)

// Tables that hold model versions.
const (
	churnModel     = "churn_model"
	crossSellModel = "cross_sell_model"
)

// prediction is one thing that a night predicts: its tables and what learns it.
type prediction struct {
	task                                learn.Task
	model, labels, predictions, reasons string
	features                            []string // tables that it is scored from
	about                               string
	forest                              func(config.Models) config.Forest
}

// predictions is the explicit list of what a night predicts.
func predictions() []prediction {
	return []prediction{
		{
			task: churn.Task(), model: churnModel, labels: churnLabels, predictions: churnPredictions, reasons: churnReasons,
			features: []string{customerFeatures},
			about:    "probability that an active customer does not order within the horizon",
			forest:   func(m config.Models) config.Forest { return m.Churn },
		},
		{
			task: crosssell.Task(), model: crossSellModel, labels: crossSellLabels, predictions: crossSellPredictions, reasons: crossSellReasons,
			features: []string{customerFeatures, customerCategoryFeatures},
			about:    "probability that an active customer buys a category within the horizon that it did not buy lately",
			forest:   func(m config.Models) config.Forest { return m.CrossSell },
		},
	}
}

// matureSnapshots are the files to learn from and what names their content.
func (p *Project) matureSnapshots(r *pipeline.Run, pr prediction) ([]models.Snapshot, []any) {
	var out []models.Snapshot
	var key []any
	for _, labels := range r.In[pr.labels].Parts {
		cutoff, err := pipeline.ParseDay(labels.Cutoff)
		if err != nil {
			continue
		}
		s, digests := p.snapshot(r, pr, cutoff)
		s.Labels = labels.Path
		out = append(out, s)
		key = append(key, labels.Cutoff, labels.SHA256, digests)
	}
	return out, key
}

// snapshot names the feature files of a cutoff.
func (p *Project) snapshot(r *pipeline.Run, pr prediction, cutoff pipeline.Day) (models.Snapshot, []string) {
	s := models.Snapshot{Cutoff: cutoff.Start(p.Config.Location())}
	var digests []string
	for _, name := range pr.features {
		part, _ := r.In[name].At(cutoff.String(), "")
		digests = append(digests, part.SHA256)
		switch name {
		case customerFeatures:
			s.CustomerFeatures = part.Path
		case customerCategoryFeatures:
			s.CategoryFeatures = part.Path
		}
	}
	return s, digests
}
