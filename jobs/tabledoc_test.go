package jobs

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/pipeline"
	sqlfiles "github.com/mainstay-etl/mainstay/sql"
)

var updateTables = flag.Bool("update-tables", false, "write docs/tables.md anew")

const tablesDoc = "../docs/tables.md"

// TestTablesDoc keeps docs/tables.md what the sidecars say. It is written by
//
//	go test ./jobs -run TestTablesDoc -update-tables
func TestTablesDoc(t *testing.T) {
	t.Parallel()
	p, err := BuiltIns(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tables, err := docTables(p)
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		if table.about == "" || len(table.sidecar.Columns) == 0 && table.name != quarantineTable {
			t.Errorf("%s is not described: it has no sidecar, or one without grain or columns", table.name)
		}
		for _, c := range table.sidecar.Columns {
			if c.Meaning == "" {
				t.Errorf("%s: column %s has no meaning", table.name, c.Name)
			}
		}
	}
	want := writeTablesDoc(tables)
	if *updateTables {
		if err := os.WriteFile(tablesDoc, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(tablesDoc)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/tables.md is not what the sidecars say: run go test ./jobs -run TestTablesDoc -update-tables and commit the result")
	}
}

// docTable is a table as the page shows it.
type docTable struct {
	name, chapter, about string
	sidecar              sqlfiles.Sidecar
}

// The chapters of the page in their order, each with what stands under its title.
var chapters = []struct{ title, text string }{
	{"About customers", "Published: whom the rows are about stands in `customer_id`."},
	{"About categories and offers", "Published."},
	{"About the company", "Published."},
	{"What models say of themselves", "Published."},
	{"What nights say of themselves", "Published."},
	{"Features of customers", "One file each; together they are the columns of `customer_features`, which is published. They are computed at every cutoff, for the customers in `population`."},
	{"Features of customers and categories", "One file each; together they are the columns of `customer_category_features`, which is published. They are computed at every cutoff, for the pairs in `cross_sell_pairs`."},
	{"Labels", "Not published: what happened in the horizon after a cutoff, for the models to learn from."},
	{"Staging", "Not published: the contract's tables in a handier shape, as of a cutoff, for all that follows to start from."},
}

// docTables are all tables: published ones, and the SQL models behind them.
func docTables(p *Project) ([]docTable, error) {
	jobs, err := All(p)
	if err != nil {
		return nil, err
	}
	var out []docTable
	for _, j := range jobs {
		if j.Name == customerFeatures || j.Name == customerCategoryFeatures || !published(j) {
			continue // described file by file
		}
		s, _ := p.sidecar(j.Name)
		out = append(out, docTable{j.Name, chapterOf(j, s), cmp.Or(s.Grain, j.About), s})
	}
	for layer, chapter := range map[sqlfiles.Layer]string{sqlfiles.Labels: "Labels", sqlfiles.Staging: "Staging", sqlfiles.Features: ""} {
		for _, m := range p.Models.Layer(layer) {
			s := sqlfiles.Sidecar{}
			if m.Sidecar != nil {
				s = *m.Sidecar
			}
			title := cmp.Or(chapter, "Features of customers")
			if layer == sqlfiles.Features && slices.Contains(s.Key, "category") {
				title = "Features of customers and categories"
			}
			out = append(out, docTable{m.Name, title, s.Grain, s})
		}
	}
	slices.SortFunc(out, func(a, b docTable) int { return strings.Compare(a.name, b.name) })
	return out, nil
}

// chapterOf sorts a published table by what its rows are about.
func chapterOf(j pipeline.Job, s sqlfiles.Sidecar) string {
	if slices.Contains([]string{nightsTable, rowAccountsTable, quarantineTable}, j.Name) {
		return "What nights say of themselves"
	}
	if _, ok := s.Column("category"); ok && slices.Contains(s.Key, "category") {
		return "About categories and offers"
	}
	if _, ok := s.Column("customer_id"); ok {
		return "About customers"
	}
	if _, made := goTables[j.Name]; made {
		return "What models say of themselves"
	}
	return "About the company"
}

func writeTablesDoc(tables []docTable) string {
	var b strings.Builder
	b.WriteString(`# Tables

Every table that mainstay makes of its own accord, with what its rows and columns mean. This page is written from the sidecars of the SQL models ([sql-models.md](sql-models.md)) and from what the jobs say of their tables; the same words are comments in the warehouse. A project's own tables stand beside these.

**Unit** and **range** say how to read a number, **missing** when it is NULL, **source** where the method is from. **Checks** hold in every published night: one that fails holds it back, or, where it says *warns*, is told with exit code 4.

`)
	for _, c := range chapters {
		fmt.Fprintf(&b, "- [%s](#%s)\n", c.title, anchor(c.title))
		for _, t := range tables {
			if t.chapter == c.title {
				fmt.Fprintf(&b, "  - [%s](#%s): %s\n", t.name, t.name, t.about)
			}
		}
	}
	for _, c := range chapters {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", c.title, c.text)
		for _, t := range tables {
			if t.chapter == c.title {
				writeTable(&b, t)
			}
		}
	}
	return b.String()
}

func anchor(title string) string { return strings.ReplaceAll(strings.ToLower(title), " ", "-") }

func writeTable(b *strings.Builder, t docTable) {
	fmt.Fprintf(b, "\n### %s\n\n%s", t.name, t.about)
	if t.sidecar.Description != "" {
		b.WriteString(" " + t.sidecar.Description)
	}
	if len(t.sidecar.Key) > 0 {
		fmt.Fprintf(b, " Key: %s.", inCode(t.sidecar.Key))
	}
	b.WriteString("\n\n")
	writeColumns(b, t.sidecar.Columns)
	var checks []string
	for _, c := range t.sidecar.Checks {
		if text := checkText(c, t.sidecar.Key); text != "" {
			checks = append(checks, text)
		}
	}
	if len(checks) > 0 {
		fmt.Fprintf(b, "\nChecks: %s.\n", strings.Join(checks, "; "))
	}
}

// writeColumns writes a table of columns, without the headings that none of them fills.
func writeColumns(b *strings.Builder, columns []sqlfiles.Column) {
	if len(columns) == 0 {
		return
	}
	heads := []struct {
		title string
		value func(sqlfiles.Column) string
	}{
		{"column", func(c sqlfiles.Column) string { return "`" + c.Name + "`" }},
		{"meaning", func(c sqlfiles.Column) string { return c.Meaning }},
		{"unit", func(c sqlfiles.Column) string { return c.Unit }},
		{"range", func(c sqlfiles.Column) string { return c.Range }},
		{"missing", missingText},
		{"source", func(c sqlfiles.Column) string { return c.Source }},
	}
	line, rule := "|", "|"
	var rows = make([]string, len(columns))
	for _, h := range heads {
		if !slices.ContainsFunc(columns, func(c sqlfiles.Column) bool { return h.value(c) != "" }) {
			continue
		}
		line, rule = line+" "+h.title+" |", rule+"---|"
		for i, c := range columns {
			rows[i] += " " + strings.Join(strings.Fields(strings.ReplaceAll(h.value(c), "|", `\|`)), " ") + " |"
		}
	}
	fmt.Fprintf(b, "%s\n%s\n", line, rule)
	for _, r := range rows {
		fmt.Fprintf(b, "|%s\n", strings.ReplaceAll(r, "|  |", "| |"))
	}
}

func missingText(c sqlfiles.Column) string {
	if c.Default != nil {
		return fmt.Sprintf("%s without a row", *c.Default)
	}
	return c.Missing
}

// checkText says what a check expects; "" for what the key says already.
func checkText(c sqlfiles.Check, key []string) string {
	text := ""
	switch c.Kind {
	case sqlfiles.Unique:
		if slices.Equal(c.Columns, key) {
			return ""
		}
		text = inCode(c.Columns) + " unique"
	case sqlfiles.NotNull:
		text = inCode(c.Columns) + " not NULL"
	case sqlfiles.AcceptedValues:
		text = fmt.Sprintf("`%s` one of %s", c.Column, strings.Join(c.Values, ", "))
	case sqlfiles.Range:
		text = fmt.Sprintf("`%s` %s", c.Column, rangeText(c.Min, c.Max))
	case sqlfiles.Relationships:
		text = fmt.Sprintf("`%s` occurs in `%s.%s`", c.Column, c.To, cmp.Or(c.Field, c.Column))
	case sqlfiles.Expression:
		text = fmt.Sprintf("%s (`%s`)", strings.ReplaceAll(c.Name, "_", " "), strings.Join(strings.Fields(c.SQL), " "))
	}
	if c.Severity == sqlfiles.SeverityWarn {
		text += " (*warns*)"
	}
	return text
}

func rangeText(lo, hi *float64) string {
	switch {
	case lo == nil:
		return fmt.Sprintf("at most %v", *hi)
	case hi == nil:
		return fmt.Sprintf("at least %v", *lo)
	}
	return fmt.Sprintf("from %v to %v", *lo, *hi)
}

func inCode(names []string) string { return "`" + strings.Join(names, "`, `") + "`" }
