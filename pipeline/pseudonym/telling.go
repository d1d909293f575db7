package pseudonym

import (
	"regexp"
	"unicode/utf8"
)

// least is how many characters a telling name has.
const least = 6

var letter = regexp.MustCompile(`\pL`)

// Telling tells whether a name that stands in a text means the person: it has six
// characters or more, a letter among them. A short name or a number also stands there for
// a day, an amount, or another thing that has it.
func Telling(name string) bool {
	return utf8.RuneCountInString(name) >= least && letter.MatchString(name)
}

// TellingSQL is Telling of an expression of type VARCHAR in DuckDB's SQL.
func TellingSQL(expr string) string {
	return `(length(` + expr + `) >= 6 AND regexp_matches(` + expr + `, '\pL'))`
}

// OfRecord is the pseudonym of a person whose name is also looked for among the values of
// records that could not be taken apart, though it is not telling.
func (k Key) OfRecord(name string) string { return k.Of(record + name) }

// InRecord writes the condition that a value of a record that could not be taken apart
// names a person of some pseudonyms: it is a telling name, or one that OfRecord was made of.
func (k Key) InRecord(value string, pseudonyms []string) string {
	return TellingSQL(value) + " AND " + k.In(value, pseudonyms) + " OR " + k.In("'"+record+"' || "+value, pseudonyms)
}

const record = "record:"
