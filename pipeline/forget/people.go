// Package forget takes people out of the files of a data directory beside the lake:
// published tables, snapshots and results; and proves afterwards, by looking through every
// file, that nothing is left of them. It knows people by their ids alone.
package forget

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/mainstay-etl/mainstay/pipeline/contract"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
)

// People are who is looked for.
type People struct {
	IDs  []string
	word *regexp.Regexp
}

// Find makes People of customer ids.
func Find(ids []string) People { return People{ids, regexp.MustCompile(pattern(ids))} }

// pattern finds an id that stands by itself: not within a longer word or number. RE2, in Go
// and in DuckDB.
func pattern(ids []string) string {
	quoted := make([]string, len(ids))
	for i, id := range ids {
		quoted[i] = regexp.QuoteMeta(id)
	}
	return `(^|[^\pL\pN_])(` + strings.Join(quoted, "|") + `)($|[^\pL\pN_])`
}

// In tells whether a text names one of the people.
func (p People) In(text string) bool { return p.word.MatchString(text) }

// Forgotten stands where a name stood.
const Forgotten = "(forgotten)"

// Redact takes the names out of a text.
func (p People) Redact(text string) string {
	for p.word.MatchString(text) { // a separator may stand between two names
		text = p.word.ReplaceAllString(text, "${1}"+Forgotten+"${3}")
	}
	return text
}

// list writes the ids as a list of SQL.
func (p People) list() string {
	quoted := make([]string, len(p.IDs))
	for i, id := range p.IDs {
		quoted[i] = duck.Quote(id)
	}
	return "[" + strings.Join(quoted, ", ") + "]::VARCHAR[]"
}

// person is the column of all tables with the id of a customer.
const person = "customer_id"

// otherThings are columns with names of other things. A product may have the number that a
// customer has; that is told, and is no trace of the customer.
func otherThings() []string {
	out := []string{contract.ColKey, "feature", "indicator", "task", "action", "stage", "model_version"}
	for _, t := range contract.Tables() {
		for _, c := range t.Columns {
			if c.Type == contract.Text && c.Name != person && !slices.Contains([]string{"name", "key_contact"}, c.Name) {
				out = append(out, c.Name)
			}
		}
	}
	return out
}

// check is the condition that a column of a table names one of the people; "" for a column
// that cannot: one of numbers, times and truth values, unless it is the customer's.
func (p People) check(c duck.Column) string {
	ident, typ := duck.Ident(c.Name), strings.ToUpper(c.Type)
	equal := fmt.Sprintf("list_contains(%s, CAST(%s AS VARCHAR))", p.list(), ident)
	switch {
	case strings.EqualFold(c.Name, person):
		return "coalesce(" + equal + ", false)"
	case strings.Contains(typ, "VARCHAR"), strings.Contains(typ, "JSON"), strings.Contains(typ, "BLOB"):
		return fmt.Sprintf("coalesce(%s OR regexp_matches(CAST(%s AS VARCHAR), %s), false)", equal, ident, duck.Quote(pattern(p.IDs)))
	}
	return ""
}
