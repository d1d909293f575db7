// Package forget takes people out of the files of a data directory beside the lake:
// published tables, snapshots and results; and proves afterwards, by looking through every
// file, that nothing is left of them. It knows people by their ids alone.
//
// An id means the person where a column says so: customer_id, a column whose name ends in
// it, and the customer_id of a refused row. A telling id (pseudonym.Telling) means the
// person wherever it stands by itself. A short one, or a number, does not: 10 is also a
// number of days, a product, a part of a date. Where it stands elsewhere it is counted as a
// mention, for people to look at.
package forget

import (
	"regexp"
	"slices"
	"strings"

	"github.com/mainstay-etl/mainstay/pipeline/contract"
	"github.com/mainstay-etl/mainstay/pipeline/pseudonym"
)

// People are who is looked for.
type People struct {
	IDs []string
	// Malformed: records that could not be taken apart go also when the id that they have
	// as a value is not telling.
	Malformed bool
	telling   []string
	word      *regexp.Regexp // a telling id by itself; nil where there is none
	any       *regexp.Regexp // any id by itself
	said      *regexp.Regexp // any id that a message or a document calls a customer_id
}

// Find makes People of customer ids.
func Find(ids []string) People {
	p := People{IDs: ids, any: regexp.MustCompile(alone(ids)), said: regexp.MustCompile(called(ids))}
	for _, id := range ids {
		if pseudonym.Telling(id) {
			p.telling = append(p.telling, id)
		}
	}
	if len(p.telling) > 0 {
		p.word = regexp.MustCompile(alone(p.telling))
	}
	return p
}

// alone finds an id that stands by itself: not within a longer word or number. RE2, in Go
// and in DuckDB.
func alone(ids []string) string {
	return `(^|[^\pL\pM\pN_])(` + either(ids) + `)($|[^\pL\pM\pN_])`
}

// called finds an id behind the word customer_id, as in customer_id=10 and "customer_id":"10".
func called(ids []string) string {
	return `((?i:customer_id)[\\"'\s=:]+)(` + either(ids) + `)($|[\\"'\s,;)\]}])`
}

// either finds one of the ids, the longest where one begins with another.
func either(ids []string) string {
	quoted := make([]string, len(ids))
	for i, id := range ids {
		quoted[i] = regexp.QuoteMeta(id)
	}
	slices.SortStableFunc(quoted, func(a, b string) int { return len(b) - len(a) })
	return strings.Join(quoted, "|")
}

// Forgotten stands where a name stood.
const Forgotten = "(forgotten)"

// Named tells whether a text names one of the people.
func (p People) Named(text string) bool {
	text = strings.ReplaceAll(text, Forgotten, "()")
	return p.word != nil && p.word.MatchString(text) || p.said.MatchString(text)
}

// Mentioned tells whether an id stands in a text by itself, whatever it means there.
func (p People) Mentioned(text string) bool {
	return p.any.MatchString(strings.ReplaceAll(text, Forgotten, "()"))
}

// Redact takes the names out of a text.
func (p People) Redact(text string) string {
	if p.word != nil {
		text = redact(p.word, text)
	}
	return redact(p.said, text)
}

// redact puts Forgotten in the place of the second group of an expression. What stands
// behind it may stand before another one.
func redact(find *regexp.Regexp, text string) string {
	var out strings.Builder
	for {
		at := find.FindStringSubmatchIndex(text)
		if at == nil {
			return out.String() + text
		}
		out.WriteString(text[:at[4]] + Forgotten)
		text = text[at[5]:]
	}
}

// person is the column of all tables with the id of a customer.
const person = "customer_id"

// holdsPeople tells whether a column has ids of customers: customer_id, or a name that ends
// in it, such as referred_by_customer_id.
func holdsPeople(column string) bool {
	name := strings.ToLower(column)
	return name == person || strings.HasSuffix(name, "_"+person)
}

// otherThings are columns with names of other things. A product may have the number that a
// customer has; that is a mention, and no trace of the customer.
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

func contains(names []string, name string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}
