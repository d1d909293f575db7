package sqlfiles

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func mustLoad(t *testing.T, files map[string]string) *Set {
	t.Helper()
	s, err := Load(overlay(files))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// overlay makes a project's sql folder.
func overlay(files map[string]string) fstest.MapFS {
	m := fstest.MapFS{}
	for name, text := range files {
		m[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return m
}

func TestBuiltInModelsAreDocumented(t *testing.T) {
	t.Parallel()
	s, err := Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	checkDocumented(t, s.All())
}

func TestExampleModelsAreDocumented(t *testing.T) {
	t.Parallel()
	s, err := Load(os.DirFS("../examples/online-retail/sql"))
	if err != nil {
		t.Fatal(err)
	}
	own := slices.DeleteFunc(s.All(), func(m Model) bool { return m.Origin != Project })
	if len(own) < 3 {
		t.Fatalf("got %d models of the example, want at least 3", len(own))
	}
	checkDocumented(t, own)
}

func checkDocumented(t *testing.T, models []Model) {
	oneRow := []string{"history", "interaction_history", "payment_history"}
	for _, m := range models {
		c := m.Sidecar
		if c == nil || c.Grain == "" || c.Description == "" || len(c.Columns) == 0 {
			t.Errorf("%s: no sidecar with grain, description and columns", m.Path)
			continue
		}
		if (len(c.Key) == 0) != slices.Contains(oneRow, m.Name) {
			t.Errorf("%s: key is %v", c.Path, c.Key)
		}
		for _, col := range c.Columns {
			if col.Meaning == "" {
				t.Errorf("%s: column %s has no meaning", c.Path, col.Name)
			}
			isKey := slices.Contains([]string{"customer_id", "category"}, col.Name)
			if m.Layer == Features && !isKey && (!strings.Contains(col.Say, "{value}") || col.Unit == "") {
				t.Errorf("%s: feature %s needs say with {value}, and a unit", c.Path, col.Name)
			}
		}
		if len(c.Key) > 0 && !slices.ContainsFunc(c.Checks, func(k Check) bool { return k.Kind == Unique && slices.Equal(k.Columns, c.Key) }) {
			t.Errorf("%s: no check that the key is unique", c.Path)
		}
	}
}

// hiddenInput finds functions whose result is not a function of the night, and sums of
// floating point numbers, which depend on the order of rows.
var hiddenInput = regexp.MustCompile(`(?i)\b(now|random|today|uuid|current_date|current_timestamp|stddev\w*|var_samp|var_pop|first|last|any_value|arbitrary|mode)\s*\(|\bcurrent_(date|timestamp)\b|\b(sum|avg)\s*\(\s*(safe_div|CAST\([^)]*AS DOUBLE)`)

var futureTable = regexp.MustCompile(`\bfuture_(orders|interactions|customers|products|payments)\b`)

func TestModelsKeepTheRules(t *testing.T) {
	t.Parallel()
	s := mustLoad(t, nil)
	for _, m := range s.All() {
		if n := strings.Count(m.SQL, "\n"); n > 80 {
			t.Errorf("%s has %d lines, want at most 80", m.Path, n)
		}
		if found := hiddenInput.FindString(m.SQL); found != "" {
			t.Errorf("%s uses %q", m.Path, found)
		}
		if futureTable.MatchString(m.SQL) && m.Layer != Labels {
			t.Errorf("%s looks into the future", m.Path)
		}
		for line := range strings.Lines(m.SQL) {
			if len(strings.TrimRight(line, "\n")) > 110 || strings.Contains(line, "\t") {
				t.Errorf("%s: long line or tab: %s", m.Path, line)
			}
		}
	}
}

func TestFeatureColumnsAreUnique(t *testing.T) {
	t.Parallel()
	s := mustLoad(t, nil)
	for _, pair := range []bool{false, true} {
		owner, n := map[string]string{}, 0
		for _, m := range s.Layer(Features) {
			if _, ok := m.Sidecar.Column("category"); ok != pair {
				continue
			}
			for _, c := range m.Sidecar.Columns {
				if slices.Contains(m.Sidecar.Key, c.Name) {
					continue
				}
				if other, twice := owner[c.Name]; twice {
					t.Errorf("%s and %s both make %s", other, m.Path, c.Name)
				}
				owner[c.Name] = m.Path
				n++
			}
		}
		if least := map[bool]int{false: 70, true: 40}[pair]; n < least {
			t.Errorf("pair %v: %d features, want at least %d", pair, n, least)
		}
	}
}

func TestCasesNameModels(t *testing.T) {
	t.Parallel()
	s := mustLoad(t, nil)
	files, err := filepath.Glob("testdata/cases/*.test")
	if err != nil || len(files) < 15 {
		t.Fatalf("got %d cases (%v), want at least 15", len(files), err)
	}
	header := regexp.MustCompile(`(?m)^model: (\w+)$`)
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		found := header.FindSubmatch(b)
		if found == nil {
			t.Errorf("%s has no line model: NAME", f)
			continue
		}
		if _, ok := s.Get(string(found[1])); !ok {
			t.Errorf("%s is about %s, which is no model", f, found[1])
		}
	}
}

func TestOverlay(t *testing.T) {
	t.Parallel()
	s := mustLoad(t, map[string]string{
		"catalogue/product_categories.sql": "SELECT 1 AS product_id",
		"features/my_feature.sql":          "\ufeffSELECT 1 AS customer_id\r\n",
		"features/my_feature.yml":          "grain: One row per customer.\nkey: [customer_id]\n",
		"marts/churn_scores.sql":           "SELECT 1",
		"README.md":                        "notes",
		".git/x.sql":                       "SELECT",
		"features/.#my_feature.sql":        "lock",
	})
	m, ok := s.Get("product_categories")
	if !ok || m.Layer != Catalogue || m.Origin != Project || m.Replaces != "sql/staging/product_categories.sql" || m.Sidecar != nil {
		t.Errorf("replaced model is %+v", m)
	}
	if slices.ContainsFunc(s.Layer(Staging), func(m Model) bool { return m.Name == "product_categories" }) {
		t.Error("the replaced model is still in staging")
	}
	m, ok = s.Get("my_feature")
	if !ok || m.SQL != "SELECT 1 AS customer_id\n" || m.Replaces != "" || m.Sidecar == nil || m.Sidecar.Grain != "One row per customer." {
		t.Errorf("added model is %+v", m)
	}
	if m, _ := s.Get("churn_scores"); m.Sidecar != nil {
		t.Error("a replaced model inherits the built-in sidecar")
	}
	if m, _ := s.Get("population"); m.Origin != BuiltIn || m.Replaces != "" {
		t.Errorf("untouched model is %+v", m)
	}
}

func TestOrderIsFixed(t *testing.T) {
	t.Parallel()
	s := mustLoad(t, map[string]string{"marts/aaa.sql": "SELECT 1", "catalogue/zzz.sql": "SELECT 1"})
	var names []string
	for _, m := range s.All() {
		i := slices.Index(Layers(), m.Layer)
		names = append(names, string(rune('0'+i))+m.Name)
	}
	if !slices.IsSorted(names) || names[0] != "0zzz" {
		t.Errorf("models are not by layer and name: %v", names)
	}
}

func TestOverlayErrors(t *testing.T) {
	t.Parallel()
	const q = "SELECT 1"
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"outside a layer":   {map[string]string{"a.sql": q}, "sql/a.sql: a model must be directly in one of the folders catalogue/, staging/, features/, labels/, marts/"},
		"unknown layer":     {map[string]string{"models/a.sql": q}, "sql/models/a.sql: a model must be directly"},
		"nested":            {map[string]string{"features/mine/a.sql": q}, "sql/features/mine/a.sql: a model must be directly"},
		"sidecar alone":     {map[string]string{"features/a.yml": "grain: x"}, "sql/features/a.yml: there is no a.sql beside this sidecar"},
		"sidecar elsewhere": {map[string]string{"features/a.yml": "grain: x", "marts/a.sql": q}, "sql/features/a.yml: there is no a.sql beside this sidecar"},
		"built-in's":        {map[string]string{"staging/population.yml": "grain: x"}, "sql/staging/population.yml: there is no population.sql beside"},
		"yaml":              {map[string]string{"features/a.sql": q, "features/a.yaml": "grain: x"}, "sql/features/a.yaml: a sidecar ends in .yml: rename it to a.yml"},
		"two of a name":     {map[string]string{"features/a.sql": q, "marts/a.sql": q}, "sql/marts/a.sql: table a is already made by sql/features/a.sql"},
		"reserved":          {map[string]string{"marts/customer_features.sql": q}, "sql/marts/customer_features.sql: the name customer_features is taken: it is joined from the models in features/; choose another"},
		"contract table":    {map[string]string{"staging/orders.sql": q}, "the name orders is taken: it is a table of the contract"},
		"future":            {map[string]string{"labels/future_orders.sql": q}, "names that begin with future_ are taken"},
		"capital":           {map[string]string{"marts/Mine.sql": q}, `expected a lower-case letter, then lower-case letters, digits and _, got "Mine"`},
		"dash":              {map[string]string{"marts/my-table.sql": q}, `got "my-table"`},
		"no name":           {map[string]string{"marts/1a.sql": q}, `got "1a"`},
		"upper-case ending": {map[string]string{"marts/a.SQL": q}, "expected the ending .sql in lower case"},
		"empty":             {map[string]string{"marts/a.sql": "-- later\n;\n"}, "sql/marts/a.sql: the file holds no query"},
		"not text":          {map[string]string{"marts/a.sql": "SELECT '\xff'"}, "sql/marts/a.sql: the file is not UTF-8 text"},
		"bad sidecar":       {map[string]string{"marts/a.sql": q, "marts/a.yml": "grian: x"}, `sql/marts/a.yml:1:1: "grian" is not a key of a sidecar`},
		"several":           {map[string]string{"a.sql": q, "marts/nights.sql": q}, "sql/a.sql: a model must be directly in one of the folders catalogue/, staging/, features/, labels/, marts/\nsql/marts/nights.sql: the name nights is taken"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Load(overlay(c.files))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got error\n%v\nwant\n%s", err, c.want)
			}
		})
	}
}

func TestReservedNames(t *testing.T) {
	t.Parallel()
	for name := range reserved {
		if _, err := Load(overlay(map[string]string{"marts/" + name + ".sql": "SELECT 1"})); err == nil {
			t.Errorf("a model may be named %s", name)
		}
	}
}
