package jobs

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
)

// keepMetrics copies the metrics of a night's models into the ledger, where whoever
// watches finds them without opening the warehouse.
func (p *Project) keepMetrics(ctx context.Context, n *pipeline.Night, tables pipeline.Tables) error {
	part, ok := currentPart(tables[modelMetricsTable], n.AsOf)
	if !ok {
		return nil
	}
	o := duck.Options{Threads: 1, TempDir: filepath.Join(n.Dir, pipeline.ScratchDir, "metrics")}
	p.bound(&o)
	s, err := duck.Open(ctx, o)
	if err != nil {
		return err
	}
	defer s.Close()
	found, err := s.Query(ctx, "SELECT task, estimator, data, metric, value::DOUBLE FROM "+duck.ReadParquet([]string{part.Path})+" WHERE isfinite(value::DOUBLE) ORDER BY ALL")
	if err != nil {
		return fmt.Errorf("reading the metrics of the models: %w", err)
	}
	metrics := make([]ledger.ModelMetric, len(found.Rows))
	for i, r := range found.Rows {
		text := func(k int) string { s, _ := r[k].(string); return s }
		metrics[i] = ledger.ModelMetric{Task: text(0), Estimator: text(1), Data: text(2), Metric: text(3)}
		metrics[i].Value, _ = r[4].(float64)
	}
	return n.Ledger.RecordModelMetrics(ctx, n.ID, metrics)
}
