package sqlfiles

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// dialect are the words of DuckDB's SQL that neither the standard nor PostgreSQL has, and
// that a model might want.
var dialect = regexp.MustCompile(`(?i)\*\s+(?:EXCLUDE|REPLACE)\b|\bCOLUMNS\s*\(|\b(?:UNPIVOT|PIVOT|QUALIFY|ASOF|ANTI|SEMI|POSITIONAL|SUMMARIZE)\b|\b(?:GROUP|ORDER) BY ALL\b|` +
	`\b(?:TRY_CAST|TYPEOF|REGEXP_MATCHES|REGEXP_EXTRACT|LIST|LIST_\w+|STRUCT_\w+|UNNEST|MEDIAN|QUANTILE\w*|ARG_MAX|ARG_MIN|MAX_BY|MIN_BY|ANY_VALUE|FIRST|LAST|LOG2|DATE_DIFF|DATEDIFF|TO_DAYS|STRFTIME|ENTROPY|IF|IFNULL|HASH|LEN)\s*\(|::|//`)

// Models are standard SQL; what only DuckDB has sits in the prelude, and the exceptions
// are told in docs/sql-models.md.
func TestModelsArePortable(t *testing.T) {
	t.Parallel()
	set, err := Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	docs, err := os.ReadFile("../docs/sql-models.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(docs), "### Other engines\n")
	section, _, ended := strings.Cut(section, "\n## ")
	if !ok || !ended {
		t.Fatal("docs/sql-models.md has no section on other engines")
	}
	told := map[string][]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_/]+)\\.sql` \\| (.*) \\|$").FindAllStringSubmatch(section, -1) {
		for _, word := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[2], -1) {
			told[row[1]] = append(told[row[1]], word[1])
		}
	}
	comments := regexp.MustCompile(`--.*`)
	texts := regexp.MustCompile(`'[^']*'`)
	for _, m := range set.All() {
		name := string(m.Layer) + "/" + m.Name
		var used []string
		for _, word := range dialect.FindAllString(texts.ReplaceAllString(comments.ReplaceAllString(m.SQL, ""), "''"), -1) {
			word = strings.ToUpper(strings.TrimSpace(strings.TrimRight(word, "( ")))
			if !slices.Contains(used, word) {
				used = append(used, word)
			}
		}
		slices.Sort(used)
		slices.Sort(told[name])
		if !slices.Equal(used, told[name]) {
			t.Errorf("%s uses %q, the docs tell %q", name, used, told[name])
		}
		delete(told, name)
	}
	for name := range told {
		t.Errorf("the docs tell of %s, which is no model", name)
	}
}
