package jobs

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/loyalty"
	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/config"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
)

func mustDay(t *testing.T, s string) pipeline.Day {
	t.Helper()
	d, err := pipeline.ParseDay(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestLoyaltyCutoffsLieAHorizonApart(t *testing.T) {
	t.Parallel()
	p := &Project{Config: config.Default()} // a horizon of 90 days
	months := pipeline.Months(mustDay(t, "2023-01-01"), mustDay(t, "2024-12-15"))
	for name, c := range map[string]struct {
		cutoffs []pipeline.Day
		known   string
		want    string
	}{
		"all":            {months, "2024-12-15", "2023-12-01 2024-03-01 2024-06-01 2024-09-01"},
		"89 days":        {months, "2023-07-30", "2023-01-01 2023-05-01"},
		"few":            {months[:4], "2024-12-15", "2023-01-01 2023-04-01"},
		"none is mature": {months, "2023-03-31", ""},
		"none at all":    {nil, "2024-12-15", ""},
	} {
		var got []string
		for _, d := range p.apart(c.cutoffs, mustDay(t, c.known)) {
			got = append(got, d.String())
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: got %v, want %s", name, got, c.want)
		}
	}
}

// labelParts writes labels at two cutoffs, of a company whose frequent customers return.
func labelParts(t *testing.T, s *duck.Session, customers int) []pipeline.Part {
	t.Helper()
	var parts []pipeline.Part
	for k, cutoff := range []string{"2024-01-01", "2024-04-01"} {
		path := filepath.Join(t.TempDir(), "labels.parquet")
		query := fmt.Sprintf(`SELECT 'c' || i AS customer_id, (i %% 13)::DOUBLE AS orders_per_year, (i %% 7)::DOUBLE AS products_per_year,
			(i %% 5)::DOUBLE AS units_per_year, (i %% 11 * 10.5)::DOUBLE AS revenue_per_year,
			((i * 7919 + %d) %% 13 < i %% 13)::INTEGER AS ordered_again FROM range(%d) AS t(i)`, k, customers)
		if _, err := s.WriteParquet(t.Context(), query, path); err != nil {
			t.Fatal(err)
		}
		parts = append(parts, pipeline.Part{Path: path, Cutoff: cutoff})
	}
	return parts
}

// The table of coefficients reads back as the model that was fitted.
func TestLoyaltyIsLearnedFromLabels(t *testing.T) {
	t.Parallel()
	s := preludeSession(t, config.Default())
	parts := labelParts(t, s, 500)
	m, err := learnLoyalty(t.Context(), parts)
	if err != nil {
		t.Fatal(err)
	}
	if m.N != 1000 || m.Coefficients[0] <= 0 {
		t.Fatalf("fitted %+v; expected 1000 rows and a coefficient of orders above 0", m)
	}
	if err := s.Exec(t.Context(), "CREATE TABLE loyalty_coefficients AS "+valuesQuery(loyaltyColumns, loyaltyRows(m, parts))); err != nil {
		t.Fatal(err)
	}
	for j, term := range loyalty.Terms {
		var coefficient, standardError float64
		query := "SELECT coefficient, coalesce(standard_error, 'nan') FROM loyalty_coefficients WHERE cutoffs = '2024-01-01, 2024-04-01' AND n = 1000 AND term = " + duck.Quote(term)
		if err := s.Scan(t.Context(), query, &coefficient, &standardError); err != nil {
			t.Fatal(err)
		}
		if coefficient != m.Coefficients[j] || standardError != m.CoefficientErrors[j] && !math.IsNaN(standardError) {
			t.Errorf("%s: read %v (%v), fitted %v (%v)", term, coefficient, standardError, m.Coefficients[j], m.CoefficientErrors[j])
		}
	}
	// SQL and Go give the same index.
	if err := s.Exec(t.Context(), "CREATE TABLE loyalty_inputs AS SELECT * FROM "+duck.ReadParquet([]string{parts[0].Path})); err != nil {
		t.Fatal(err)
	}
	p, err := BuiltIns(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	mart, _ := p.Models.Get("customer_loyalty")
	r, err := s.Query(t.Context(), "SELECT orders_per_year, products_per_year, units_per_year, revenue_per_year, loyalty_index FROM ("+body(mart)+") LIMIT 50")
	if err != nil || len(r.Rows) != 50 {
		t.Fatal(len(r.Rows), err)
	}
	for _, row := range r.Rows {
		var x [5]float64
		for i, v := range row {
			x[i], _ = v.(float64)
		}
		if want := m.Index([4]float64(x[:4])); math.Abs(x[4]-want) > 1e-12 {
			t.Errorf("index of %v: SQL %v, Go %v", x[:4], x[4], want)
		}
	}
}

func TestLoyaltyOfTooFew(t *testing.T) {
	t.Parallel()
	s := preludeSession(t, config.Default())
	if _, err := learnLoyalty(t.Context(), labelParts(t, s, 10)); !errors.Is(err, models.ErrTooLittle) {
		t.Errorf("got %v", err)
	}
}
