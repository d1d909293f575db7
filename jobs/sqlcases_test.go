package jobs

import (
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/pipeline/contract"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	sqlfiles "github.com/mainstay-etl/mainstay/sql"
)

// TestSQLCases runs the given-rows and expect-rows cases of the SQL models; see
// sql/testdata/cases/README.md for their form.
func TestSQLCases(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("../sql/testdata/cases/*.test")
	if err != nil || len(paths) < 20 {
		t.Fatalf("only %d cases found (%v)", len(paths), err)
	}
	models, err := sqlfiles.Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	pl, err := newPlan(t.Context(), &Project{Models: models})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".test"), func(t *testing.T) {
			t.Parallel()
			c, err := readCase(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.run(t.Context(), t.TempDir(), pl); err != nil {
				t.Error(err)
			}
		})
	}
}

// sqlCase is one case file.
type sqlCase struct {
	model, asOf string
	given       []section
	expect      section
}

type section struct{ table, csv string }

func readCase(path string) (sqlCase, error) {
	c := sqlCase{asOf: "2024-03-01"}
	text, err := os.ReadFile(path)
	if err != nil {
		return c, err
	}
	head, rest, _ := strings.Cut(string(text), "\n-- ")
	for _, line := range strings.Split(head, "\n") {
		key, value, _ := strings.Cut(line, ":")
		switch value = strings.TrimSpace(value); key {
		case "model":
			c.model = value
		case "as_of":
			c.asOf = value
		}
	}
	for _, part := range strings.Split(rest, "\n-- ") {
		title, body, _ := strings.Cut(part, "\n")
		if table, ok := strings.CutPrefix(title, "given "); ok {
			c.given = append(c.given, section{strings.TrimSpace(table), strings.TrimSpace(body) + "\n"})
			continue
		}
		c.expect = section{csv: strings.TrimSpace(body) + "\n"}
	}
	if c.model == "" || c.expect.csv == "" {
		return c, fmt.Errorf("%s: a case needs a model and an expect section", path)
	}
	return c, nil
}

func (c sqlCase) run(ctx context.Context, dir string, pl *plan) error {
	d, err := duck.Open(ctx, duck.Options{})
	if err != nil {
		return err
	}
	defer d.Close()
	s := &session{Session: d, plan: pl, here: map[string]bool{}, views: map[string]bool{}, made: map[string]bool{}}
	prelude, err := sqlfiles.Prelude(sqlfiles.Params{AsOf: c.asOf, TimeZone: "UTC", LookbackDays: 180, HorizonDays: 90,
		CrossSellCategoryLimit: 30, DefaultMarginRate: 0.3, RiskHigh: 0.7, RiskMedium: 0.4})
	if err != nil {
		return err
	}
	if err := s.Exec(ctx, prelude); err != nil {
		return err
	}
	if err := c.fill(ctx, s, dir); err != nil {
		return err
	}
	if err := s.make(ctx, c.model); err != nil {
		return err
	}
	return c.compare(ctx, s, dir)
}

// fill makes the given tables; what is not given is empty (contract) or computed.
func (c sqlCase) fill(ctx context.Context, s *session, dir string) error {
	given := map[string]bool{}
	for i, g := range c.given {
		given[g.table] = true
		file := filepath.Join(dir, fmt.Sprintf("given-%d.csv", i))
		if err := os.WriteFile(file, []byte(g.csv), 0o600); err != nil {
			return err
		}
		from := fmt.Sprintf("read_csv(%s, header = true, nullstr = ['', 'NULL'])", duck.Quote(file))
		base, err := contract.Lookup(strings.TrimPrefix(g.table, futurePrefix))
		query := "SELECT * FROM " + from
		if err == nil {
			query = typedRows(base, strings.Split(strings.SplitN(g.csv, "\n", 2)[0], ","), strings.Replace(from, "header = true", "header = true, all_varchar = true", 1))
		}
		if err := createTable(ctx, s, g.table, query); err != nil {
			return fmt.Errorf("given %s: %w", g.table, err)
		}
	}
	for _, base := range contract.Tables() {
		for _, name := range []string{base.Name, futurePrefix + base.Name} {
			if !given[name] {
				if err := createTable(ctx, s, name, typedRows(base, nil, "(SELECT 1 WHERE false)")); err != nil {
					return err
				}
			}
		}
	}
	for _, m := range s.plan.models.All() {
		s.here[m.Name] = !given[m.Name]
	}
	return nil
}

// typedRows casts given text to the contract's types; event times are local.
func typedRows(base contract.Table, given []string, from string) string {
	var cols []string
	for _, col := range base.Columns {
		typ, value := string(col.Type), "NULL"
		if col.Name == base.EventTime {
			typ = "TIMESTAMP"
		}
		if slices.Contains(given, col.Name) {
			value = col.Name
		}
		cols = append(cols, fmt.Sprintf("CAST(%s AS %s) AS %s", value, typ, col.Name))
	}
	return "SELECT " + strings.Join(cols, ", ") + " FROM " + from
}

// compare casts the expected values to the types of the model's columns and compares
// rows in the order of the model's key.
func (c sqlCase) compare(ctx context.Context, s *session, dir string) error {
	rows, err := csv.NewReader(strings.NewReader(c.expect.csv)).ReadAll()
	if err != nil {
		return fmt.Errorf("reading the expected rows: %w", err)
	}
	types := map[string]string{}
	cols, err := s.Columns(ctx, "SELECT * FROM "+duck.Ident(c.model))
	if err != nil {
		return err
	}
	for _, col := range cols {
		types[col.Name] = col.Type
	}
	var casts []string
	for _, name := range rows[0] {
		if types[name] == "" {
			return fmt.Errorf("%s has no column %s", c.model, name)
		}
		casts = append(casts, fmt.Sprintf("CAST(%s AS %s) AS %s", duck.Ident(name), types[name], duck.Ident(name)))
	}
	file := filepath.Join(dir, "expect.csv")
	if err := os.WriteFile(file, []byte(c.expect.csv), 0o600); err != nil {
		return err
	}
	m, _ := s.plan.models.Get(c.model)
	want, err := asText(ctx, s, fmt.Sprintf("SELECT %s FROM read_csv(%s, header = true, all_varchar = true, nullstr = ['', 'NULL'])", strings.Join(casts, ", "), duck.Quote(file)))
	if err != nil {
		return fmt.Errorf("expected rows: %w", err)
	}
	got, err := asText(ctx, s, fmt.Sprintf("SELECT %s FROM (SELECT * FROM %s%s)", duck.Idents(rows[0]), duck.Ident(c.model), orderBy(m)))
	if err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("%s gives\n%s\nwant\n%s", c.model, got, want)
	}
	return nil
}

func asText(ctx context.Context, s *session, query string) (string, error) {
	r, err := s.Query(ctx, "SELECT CAST(COLUMNS(*) AS VARCHAR) FROM ("+query+")")
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, row := range r.Rows {
		for i, v := range row {
			if v == nil {
				v = "NULL"
			}
			if i > 0 {
				b.WriteString(",")
			}
			fmt.Fprint(&b, v)
		}
		b.WriteString("\n")
	}
	return b.String(), nil
}
