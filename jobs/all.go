package jobs

import (
	"slices"

	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/contract"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
)

// All is the explicit list of a night's jobs. A company's own main adds jobs of its
// own by Options.Extra.
func All(p *Project) ([]pipeline.Job, error) {
	catalogue, err := catalogueJobs(p)
	if err != nil {
		return nil, err
	}
	snapshots, err := snapshotJobs(p)
	if err != nil {
		return nil, err
	}
	purchases, err := purchaseJob(p)
	if err != nil {
		return nil, err
	}
	loyal, err := loyaltyJobs(p)
	if err != nil {
		return nil, err
	}
	grades, err := gradeJob(p)
	if err != nil {
		return nil, err
	}
	marts, err := martJobs(p)
	if err != nil {
		return nil, err
	}
	return slices.Concat(
		extractJobs(p),
		lakeJobs(p),
		catalogue,
		[]pipeline.Job{purchases},
		snapshots,
		modelTrainingJobs(p),
		scoreJobs(p),
		loyal,
		[]pipeline.Job{metricsJob(p), versionsJob(p), grades},
		marts,
		[]pipeline.Job{driversJob(p)},
		reportJobs(p),
	), nil
}

// Graph is the graph of a night's tables.
func (p *Project) Graph(extra []pipeline.Job) (*pipeline.Graph, error) {
	jobs, err := All(p)
	if err != nil {
		return nil, err
	}
	return pipeline.NewGraph(append(jobs, extra...))
}

// Fingerprint names the project's code and configuration: what can change a night's
// results besides its data.
func (p *Project) Fingerprint() string {
	var texts []any
	for _, m := range p.Models.All() {
		texts = append(texts, m.Name, m.Layer, m.SQL)
	}
	return pipeline.Fingerprint(Version, p.Config.Fingerprint(), texts, contract.Tables())[:16]
}

// record is what the ledger is told of an attempt before it begins.
func (p *Project) record(asOf pipeline.Day, kind string) ledger.Night {
	var texts []any
	for _, m := range p.Models.All() {
		texts = append(texts, m.Name, m.Layer, m.SQL, m.Sidecar)
	}
	short := func(values ...any) string { return pipeline.Fingerprint(values...)[:16] }
	return ledger.Night{AsOf: asOf.String(), Version: Version, Config: p.Fingerprint(), Kind: kind,
		Code: short(code()), Settings: short(p.Config.Fingerprint()), Models: short(texts...)}
}

// published tells whether a job's table goes to the warehouse: tables for people do,
// work in between does not.
func published(j pipeline.Job) bool {
	switch j.Kind {
	case pipeline.Mart, pipeline.Report, pipeline.Catalogue:
		return true
	}
	return slices.Contains([]string{customerFeatures, customerCategoryFeatures, churnReasons, crossSellReasons, purchaseProcess}, j.Name)
}
