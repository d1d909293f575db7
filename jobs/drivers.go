package jobs

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/drivers"
	"github.com/mainstay-etl/mainstay/models/explain"
	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
)

// What tells the best tenth of the customers from the others is learned from their
// features, and is a table that the mart value_drivers reads.
const (
	valueDriverEffects = "value_driver_effects"
	valueTiers         = "value_tiers"
)

// driverCustomers is how many customers the effects are learned from and measured on, at
// most: more make the table no truer.
const driverCustomers = 50000

func driversJob(p *Project) pipeline.Job {
	return pipeline.Job{
		Name: valueDriverEffects, Kind: pipeline.Report, Needs: []string{customerFeatures, valueTiers},
		Logic: pipeline.Fingerprint(code(), p.moneyFeatures()),
		About: "What a model of who is among the best tenth makes of each feature.",
		Run:   p.findDrivers,
	}
}

// moneyFeatures are amounts of money. The best tenth are those with most margin, and that
// they spend most explains nothing.
func (p *Project) moneyFeatures() []string {
	var out []string
	for name, w := range p.wordings() {
		if explain.IsMoney(w.Unit) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// findDrivers learns and measures. The table is empty while there are too few customers.
func (p *Project) findDrivers(ctx context.Context, r *pipeline.Run) (pipeline.Table, error) {
	features, ok := r.In[customerFeatures].At(r.Night.AsOf.String(), "")
	if !ok {
		return pipeline.Table{}, fmt.Errorf("there is no snapshot of %s", r.Night.AsOf)
	}
	key, tiers := []any{features.SHA256}, []string{}
	for _, part := range r.In[valueTiers].Parts {
		key, tiers = append(key, part.SHA256), append(tiers, part.Path)
	}
	spec := pipeline.PartSpec{Dir: filepath.Join("results", valueDriverEffects), Ext: ".parquet", Key: key}
	part, err := r.Part(ctx, spec, func(ctx context.Context, path string) (int64, error) {
		o, err := p.session(r)
		if err != nil {
			return 0, err
		}
		s, err := duck.Open(ctx, o)
		if err != nil {
			return 0, err
		}
		found, err := p.drivers(ctx, s, features.Path, tiers, filepath.Join(filepath.Dir(path), "best_customers.parquet"))
		if err != nil {
			return 0, errors.Join(err, s.Close())
		}
		rows, err := s.WriteParquet(ctx, valuesQuery(driverColumns, driverRows(found)), path)
		return rows, errors.Join(err, s.Close())
	})
	if err != nil {
		return pipeline.Table{}, err
	}
	note := ""
	if part.Rows == 0 {
		note = fmt.Sprintf("not learned yet: fewer than %d customers are among the best tenth", drivers.Least)
	}
	return pipeline.Table{Parts: []pipeline.Part{part}, Note: note}, nil
}

// drivers reads a sample of the customers in an order without meaning, and learns.
func (p *Project) drivers(ctx context.Context, s *duck.Session, features string, tiers []string, scratch string) (drivers.Result, error) {
	query := fmt.Sprintf(`WITH ranked AS (
    SELECT f.*, row_number() OVER (ORDER BY v.margin_365 DESC, customer_id) - 1 < 0.1 * count(*) OVER () AS is_best
    FROM %s AS f INNER JOIN %s AS v USING (customer_id)
)
SELECT * FROM ranked ORDER BY md5(customer_id), customer_id LIMIT %d`, duck.ReadParquet([]string{features}), duck.ReadParquet(tiers), driverCustomers)
	if _, err := s.WriteParquet(ctx, query, scratch); err != nil {
		return drivers.Result{}, err
	}
	f, err := models.ReadFrame(ctx, scratch, "customer_id")
	if err != nil {
		return drivers.Result{}, err
	}
	left := append(p.moneyFeatures(), "is_best")
	best, inside := f.Find("is_best"), make([]bool, f.Rows())
	for i := range inside {
		inside[i] = f.Column(best).At(i) == 1
	}
	names := slices.DeleteFunc(slices.Clone(f.Features()), func(name string) bool { return slices.Contains(left, name) })
	if f, err = f.Project(names); err != nil {
		return drivers.Result{}, err
	}
	found, err := drivers.Find(ctx, f, inside, 0)
	if errors.Is(err, models.ErrTooLittle) {
		return drivers.Result{}, nil
	}
	return found, err
}

var driverColumns = []string{"feature VARCHAR", "effect DOUBLE", "direction VARCHAR", "auc DOUBLE", "customers BIGINT", "best_customers BIGINT"}

func driverRows(r drivers.Result) []string {
	out := make([]string, len(r.Drivers))
	for i, d := range r.Drivers {
		direction := map[int]string{1: "'more'", -1: "'less'", 0: "NULL"}[d.Direction]
		out[i] = fmt.Sprintf("(%s, %s, %s, %s, %d, %d)", duck.Quote(d.Feature), sqlNumber(d.Effect), direction, sqlNumber(r.AUC), r.N, r.Inside)
	}
	return out
}
