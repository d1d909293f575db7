package jobs

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/warehouse"
)

// diffExamples is how many keys of a kind a difference names.
const diffExamples = 3

// NightDiff is what differs between the published tables of two nights.
type NightDiff struct {
	From, To    ledger.Night
	OnlyFrom    []string // tables that only the first night has
	OnlyTo      []string // tables that only the second has
	Same        []string // tables without any difference
	Tables      []TableDiff
	Transitions []Transition
}

// TableDiff is what differs in a table that both nights have.
type TableDiff struct {
	Name                    string
	Key                     []string // by which rows were matched; none: rows as a whole
	RowsFrom, RowsTo        int64
	Added, Removed, Changed int64
	// ColumnsAdded, ColumnsRemoved and ColumnsRetyped are changes of the schema.
	ColumnsAdded, ColumnsRemoved, ColumnsRetyped []string
	ChangedColumns                               []ColumnChange // most changed first
	Examples                                     []string       // such as "+ C000042", "- C000007", "~ C000011"
}

// ColumnChange counts the rows in which a column changed.
type ColumnChange struct {
	Column string
	Rows   int64
}

// Transition counts customers that crossed from one band, grade or stage to another.
type Transition struct {
	Table, Column string
	From, To      string
	Customers     int64
	Examples      []string
}

// crossings are the columns by which customers are told apart, whose changes people want
// to see.
var crossings = []struct{ table, column string }{
	{"churn_scores", "risk_band"},
	{"customer_grade", "grade"},
	{"customer_stage", "stage"},
}

// Diff compares the kept tables of two published nights; with a table's name just that
// one. The column as_of is left out: it tells the nights apart.
func (p *Project) Diff(ctx context.Context, from, to, only string) (d NightDiff, err error) {
	l, err := ledger.OpenExisting(ctx, p.DataDir)
	if err != nil {
		return d, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	if d.From, err = FindNight(ctx, l, from); err != nil {
		return d, err
	}
	if d.To, err = FindNight(ctx, l, to); err != nil {
		return d, err
	}
	c := &comparison{p: p, only: only}
	for _, n := range []ledger.Night{d.From, d.To} {
		files, err := nightFiles(p.DataDir, n)
		if err != nil {
			return d, err
		}
		c.files = append(c.files, files)
	}
	if _, ok1 := c.files[0][only]; only != "" && !ok1 {
		if _, ok2 := c.files[1][only]; !ok2 {
			return d, fmt.Errorf("%w: neither night has the table %s", ErrScope, only)
		}
	}
	if c.s, err = duck.Open(ctx, duck.Options{}); err != nil {
		return d, err
	}
	defer c.s.Close()
	return d, c.run(ctx, &d)
}

// nightFiles are the Parquet files of a published night by table.
func nightFiles(dataDir string, n ledger.Night) (map[string]string, error) {
	dir := filepath.Join(dataDir, warehouse.TablesDir, warehouse.NightDir(n.ID))
	paths, err := filepath.Glob(filepath.Join(dir, "*.parquet"))
	if err != nil || len(paths) == 0 {
		return nil, errors.Join(err, fmt.Errorf("%w: the tables of night %d are not kept any more in %s; `mainstay run --as-of %s` makes that day anew", ErrNoNight, n.ID, dir, n.AsOf))
	}
	out := map[string]string{}
	for _, path := range paths {
		out[strings.TrimSuffix(filepath.Base(path), ".parquet")] = path
	}
	return out, nil
}

// comparison compares the files of two nights.
type comparison struct {
	p     *Project
	s     *duck.Session
	only  string
	files []map[string]string // of the first night, of the second
}

func (c *comparison) run(ctx context.Context, d *NightDiff) error {
	names := map[string]bool{}
	for _, files := range c.files {
		for name := range files {
			names[name] = c.only == "" || name == c.only
		}
	}
	for _, name := range sortedTrue(names) {
		a, inA := c.files[0][name]
		b, inB := c.files[1][name]
		switch {
		case !inB:
			d.OnlyFrom = append(d.OnlyFrom, name)
			continue
		case !inA:
			d.OnlyTo = append(d.OnlyTo, name)
			continue
		}
		t, err := c.table(ctx, name, a, b)
		if err != nil {
			return fmt.Errorf("comparing %s: %w", name, err)
		}
		if t.same() {
			d.Same = append(d.Same, name)
		} else {
			d.Tables = append(d.Tables, t)
		}
		for _, x := range crossings {
			if x.table == name {
				crossed, err := c.crossed(ctx, x.table, x.column, a, b)
				if err != nil {
					return fmt.Errorf("comparing %s: %w", name, err)
				}
				d.Transitions = append(d.Transitions, crossed...)
			}
		}
	}
	return nil
}

func sortedTrue(names map[string]bool) []string {
	var out []string
	for name, yes := range names {
		if yes {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

func (t TableDiff) same() bool {
	return t.Added+t.Removed+t.Changed == 0 && len(t.ColumnsAdded)+len(t.ColumnsRemoved)+len(t.ColumnsRetyped) == 0
}

// table compares one table: by its key when it has one that both files have.
func (c *comparison) table(ctx context.Context, name, a, b string) (TableDiff, error) {
	t := TableDiff{Name: name}
	fromA, fromB := duck.ReadParquet([]string{a}), duck.ReadParquet([]string{b})
	colsA, err := c.s.Columns(ctx, "SELECT * FROM "+fromA)
	if err != nil {
		return t, err
	}
	colsB, err := c.s.Columns(ctx, "SELECT * FROM "+fromB)
	if err != nil {
		return t, err
	}
	common := t.schema(colsA, colsB)
	sidecar, _ := c.p.sidecar(name)
	key := slices.DeleteFunc(slices.Clone(sidecar.Key), func(k string) bool { return k == "as_of" })
	if len(key) > 0 && !slices.ContainsFunc(key, func(k string) bool { return !slices.Contains(common, k) }) {
		t.Key = key
	}
	if err := c.s.Scan(ctx, "SELECT (SELECT count(*) FROM "+fromA+"), (SELECT count(*) FROM "+fromB+")", &t.RowsFrom, &t.RowsTo); err != nil {
		return t, err
	}
	if len(t.Key) == 0 {
		return t, c.whole(ctx, &t, fromA, fromB, common)
	}
	return t, c.keyed(ctx, &t, fromA, fromB, common)
}

// schema notes how columns changed and returns those to compare.
func (t *TableDiff) schema(a, b []duck.Column) []string {
	typeOf := map[string]string{}
	for _, c := range a {
		typeOf[c.Name] = c.Type
	}
	var common []string
	for _, c := range b {
		was, both := typeOf[c.Name]
		switch {
		case !both:
			t.ColumnsAdded = append(t.ColumnsAdded, c.Name)
		case was != c.Type:
			t.ColumnsRetyped = append(t.ColumnsRetyped, fmt.Sprintf("%s from %s to %s", c.Name, was, c.Type))
		}
		if both && c.Name != "as_of" {
			common = append(common, c.Name)
		}
		delete(typeOf, c.Name)
	}
	for _, c := range a {
		if _, gone := typeOf[c.Name]; gone {
			t.ColumnsRemoved = append(t.ColumnsRemoved, c.Name)
		}
	}
	return common
}

// whole compares rows as a whole, each as often as it is there.
func (c *comparison) whole(ctx context.Context, t *TableDiff, a, b string, columns []string) error {
	list := duck.Idents(columns)
	more := func(x, y string) string {
		return fmt.Sprintf("(SELECT %[1]s FROM %[2]s EXCEPT ALL SELECT %[1]s FROM %[3]s)", list, x, y)
	}
	return c.s.Scan(ctx, fmt.Sprintf("SELECT (SELECT count(*) FROM %s), (SELECT count(*) FROM %s)", more(b, a), more(a, b)), &t.Added, &t.Removed)
}

// keyed matches rows by their key.
func (c *comparison) keyed(ctx context.Context, t *TableDiff, a, b string, columns []string) error {
	var on, key []string
	for _, k := range t.Key {
		on = append(on, fmt.Sprintf("a.%[1]s IS NOT DISTINCT FROM b.%[1]s", duck.Ident(k)))
		key = append(key, fmt.Sprintf("CAST(coalesce(a.%[1]s, b.%[1]s) AS VARCHAR)", duck.Ident(k)))
	}
	values := slices.DeleteFunc(slices.Clone(columns), func(name string) bool { return slices.Contains(t.Key, name) })
	counts := []string{"count(*) FILTER (a._side IS NULL)", "count(*) FILTER (b._side IS NULL)"}
	changed := []string{"false"}
	for _, v := range values {
		differs := fmt.Sprintf("a.%[1]s IS DISTINCT FROM b.%[1]s", duck.Ident(v))
		changed = append(changed, differs)
		counts = append(counts, fmt.Sprintf("count(*) FILTER (a._side IS NOT NULL AND b._side IS NOT NULL AND %s)", differs))
	}
	anyChange := "(" + strings.Join(changed, " OR ") + ")"
	counts = append(counts, "count(*) FILTER (a._side IS NOT NULL AND b._side IS NOT NULL AND "+anyChange+")")
	join := fmt.Sprintf("FROM (SELECT *, 1 AS _side FROM %s) AS a FULL JOIN (SELECT *, 1 AS _side FROM %s) AS b ON %s", a, b, strings.Join(on, " AND "))
	n := make([]int64, len(counts))
	into := make([]any, len(counts))
	for i := range n {
		into[i] = &n[i]
	}
	if err := c.s.Scan(ctx, "SELECT "+strings.Join(counts, ",\n  ")+"\n"+join, into...); err != nil {
		return err
	}
	t.Added, t.Removed, t.Changed = n[0], n[1], n[len(n)-1]
	for i, v := range values {
		if rows := n[i+2]; rows > 0 {
			t.ChangedColumns = append(t.ChangedColumns, ColumnChange{v, rows})
		}
	}
	slices.SortStableFunc(t.ChangedColumns, func(x, y ColumnChange) int { return int(y.Rows - x.Rows) })
	return c.examples(ctx, t, key, anyChange, join)
}

// examples names a few keys of each kind of difference.
func (c *comparison) examples(ctx context.Context, t *TableDiff, key []string, anyChange, join string) error {
	for _, kind := range []struct{ sign, where string }{
		{"+", "a._side IS NULL"}, {"-", "b._side IS NULL"}, {"~", "a._side IS NOT NULL AND b._side IS NOT NULL AND " + anyChange},
	} {
		r, err := c.s.Query(ctx, fmt.Sprintf("SELECT concat_ws(', ', %s) AS k %s WHERE %s ORDER BY 1 LIMIT %d", strings.Join(key, ", "), join, kind.where, diffExamples))
		if err != nil {
			return err
		}
		for _, row := range r.Rows {
			text, _ := row[0].(string)
			t.Examples = append(t.Examples, kind.sign+" "+text)
		}
	}
	return nil
}

// crossed counts the customers whose column changed, by what it was and is. Customers that
// only one night has crossed nothing.
func (c *comparison) crossed(ctx context.Context, table, column, a, b string) ([]Transition, error) {
	query := fmt.Sprintf(`SELECT coalesce(CAST(a.%[1]s AS VARCHAR), 'none') AS was, coalesce(CAST(b.%[1]s AS VARCHAR), 'none') AS now, count(*) AS n, list(customer_id ORDER BY customer_id)[1:%[4]d] AS some
FROM %[2]s AS a JOIN %[3]s AS b USING (customer_id) WHERE a.%[1]s IS DISTINCT FROM b.%[1]s GROUP BY ALL ORDER BY n DESC, was, now`, duck.Ident(column), duck.ReadParquet([]string{a}), duck.ReadParquet([]string{b}), diffExamples)
	r, err := c.s.Query(ctx, query)
	if err != nil {
		return nil, err
	}
	var out []Transition
	for _, row := range r.Rows {
		t := Transition{Table: table, Column: column, From: row[0].(string), To: row[1].(string), Customers: row[2].(int64)}
		some, _ := row[3].([]any)
		for _, id := range some {
			t.Examples = append(t.Examples, fmt.Sprint(id))
		}
		out = append(out, t)
	}
	return out, nil
}
