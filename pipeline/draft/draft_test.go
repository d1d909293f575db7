package draft

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/pipeline/config"
	"github.com/mainstay-etl/mainstay/pipeline/contract"
)

var update = flag.Bool("update", false, "rewrite golden files")

const separator = "----------\n"

// cases are the schemas below testdata, with the drafts that they give.
func cases(t testing.TB) map[string][2]string {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no schemas", err)
	}
	out := map[string][2]string{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		schema, want, _ := strings.Cut(string(content), separator)
		out[strings.TrimSuffix(filepath.Base(file), ".txt")] = [2]string{schema, want}
	}
	return out
}

var options = Options{Project: "shop", Source: "shop", Variable: "SHOP_URL"}

// load checks that mainstay reads a draft.
func load(t testing.TB, d Draft, dialect Dialect) *config.Config {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, config.FileName), []byte(d.YAML), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(dir, func(name string) (string, bool) { return string(dialect) + "://reader@db/shop", name == "SHOP_URL" })
	if err != nil {
		t.Fatalf("%v\n%s", err, d.YAML)
	}
	return cfg
}

func TestDrafts(t *testing.T) {
	t.Parallel()
	for name, c := range cases(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := parseSchema(t, c[0])
			d := For(s, options)
			if *update {
				if err := os.WriteFile(filepath.Join("testdata", name+".txt"), []byte(c[0]+separator+d.YAML), 0o600); err != nil {
					t.Fatal(err)
				}
			} else if d.YAML != c[1] {
				t.Errorf("got:\n%s\nwant:\n%s", d.YAML, c[1])
			}
			for line := range strings.Lines(d.YAML) {
				if len(line) > 180 {
					t.Errorf("a long line: %s", line)
				}
			}
			cfg := load(t, d, s.Dialect)
			for _, table := range cfg.Sources[0].Tables {
				known, err := contract.Lookup(table.Name)
				if err != nil {
					t.Fatal(err)
				}
				checkMapping(t, known, table)
			}
		})
	}
}

// checkMapping holds a SELECT against the contract by its words alone: every required
// column is given or a TODO, and the key and the cursor are given.
func checkMapping(t *testing.T, known contract.Table, m config.Table) {
	t.Helper()
	given := func(name string) bool {
		return strings.Contains(m.Select, " AS "+name) || strings.Contains(m.Select, "."+name+",") || strings.Contains(m.Select, "."+name+" ") || strings.Contains(m.Select, "."+name+"\n")
	}
	for _, c := range known.Columns {
		if c.Required && c.Default == "" && !given(c.Name) && !strings.Contains(m.Select, "TODO "+c.Name) {
			t.Errorf("%s: %s is neither given nor a TODO:\n%s", known.Name, c.Name, m.Select)
		}
	}
	for _, k := range m.Key {
		if !given(k) {
			t.Errorf("%s: key %s is not given", known.Name, k)
		}
	}
	if m.Cursor != "" && !given(m.Cursor) {
		t.Errorf("%s: cursor %s is not given", known.Name, m.Cursor)
	}
	last := m.Select[strings.LastIndex(m.Select, "\n")+1:]
	if strings.Contains(last, "--") {
		t.Errorf("%s: a comment ends the SELECT: %s", known.Name, last)
	}
}

func TestNorm(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"OrderDate": "order_date", "Order date": "order_date", "order-date": "order_date", "ORDER_DATE": "order_date",
		"orderID": "order_id", "SKUCode": "sku_code", "Created at": "created_at", "Stückzahl": "stueckzahl", "quantité": "quantite",
		"_updated_at": "updated_at", "line1No": "line1_no", "": "", "日付": "日付",
	} {
		if got := norm(in); got != want {
			t.Errorf("norm(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestIdent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		d        Dialect
		in, want string
	}{
		{Postgres, "order_id", "order_id"}, {Postgres, "OrderID", `"OrderID"`}, {Postgres, "order", `"order"`}, {Postgres, `a"b`, `"a""b"`},
		{MySQL, "OrderID", "OrderID"}, {MySQL, "order", "`order`"}, {MySQL, "a`b c", "`a``b c`"}, {MySQL, "1st", "`1st`"}, {Postgres, "", `""`},
	} {
		if got := c.d.ident(c.in); got != c.want {
			t.Errorf("%s %q: %s, want %s", c.d, c.in, got, c.want)
		}
	}
}

// Whatever a schema is called, the draft is a file that mainstay reads, and has no word
// of the schema outside of comments and the SELECT.
func FuzzDraft(f *testing.F) {
	f.Add("orders", "order_id", "${EVIL}", "a: b")
	f.Add("order_lines", "qty", "x\ny", "# --")
	f.Add("Order Items", "$$", "'\"`\\", "\u2028")
	f.Fuzz(func(t *testing.T, table, a, b, database string) {
		for _, w := range []string{table, a, b} {
			if strings.ContainsFunc(w, func(r rune) bool {
				return r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == '\ufeff' || r == '\ufffd' || r == '\u2028' || r == '\u2029'
			}) {
				t.Skip("Read leaves such names out")
			}
		}
		s := Schema{Dialect: Postgres, Database: database, Tables: []Table{
			{Name: table, Columns: []Column{{Name: a, Kind: Int}, {Name: b, Kind: LocalTime}, {Name: "quantity", Kind: Int}, {Name: "price", Kind: Decimal}, {Name: "product_id", Kind: Int}, {Name: "order_id", Kind: Int}}, Primary: []string{a, b}},
			{Name: table + "_event", Columns: []Column{{Name: a, Kind: Int}, {Name: "user_id", Kind: Int}, {Name: b, Kind: Text}, {Name: "created_at", Kind: Moment}, {Name: "event_type", Kind: Text}}},
		}}
		load(t, For(s, options), Postgres)
	})
}
