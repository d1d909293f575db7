package forget

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mainstay-etl/mainstay/pipeline/contract"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
)

// list writes ids as a list of SQL.
func list(ids []string) string {
	quoted := make([]string, len(ids))
	for i, id := range ids {
		quoted[i] = duck.Quote(id)
	}
	return "[" + strings.Join(quoted, ", ") + "]::VARCHAR[]"
}

// look is what is looked for in a column, as conditions of SQL; "" where there is nothing
// to be looked for.
type look struct {
	may   string // what follows may hold: it is dear, and most columns have nothing
	named string // the column names one of the people
	has   string // it has an id, whether that names one of them or not
}

// in is what is looked for in a column of a table. Numbers, times and truth values of
// columns that do not hold people are no ids.
func (p People) in(c duck.Column) look {
	text := fmt.Sprintf("CAST(%s AS VARCHAR)", duck.Ident(c.Name))
	equal := fmt.Sprintf("list_contains(%s, %s)", list(p.IDs), text)
	switch typ := strings.ToUpper(c.Type); {
	case holdsPeople(c.Name):
		return look{may: equal, named: "coalesce(" + equal + ", false)"}
	case !strings.Contains(typ, "VARCHAR") && !strings.Contains(typ, "JSON") && !strings.Contains(typ, "BLOB"):
		return look{}
	case contains(otherThings(), c.Name):
		return look{may: equal, has: "coalesce(" + equal + ", false)"}
	}
	may := fmt.Sprintf("regexp_matches(%s, %s)", text, duck.Quote(either(p.IDs)))
	return look{may, p.names(text), fmt.Sprintf("coalesce(%s OR regexp_matches(%s, %s), false)", equal, text, duck.Quote(alone(p.IDs)))}
}

// names is the condition that a text names one of the people, as People.Named says.
func (p People) names(text string) string {
	any := []string{fmt.Sprintf("regexp_matches(%s, %s)", text, duck.Quote(called(p.IDs)))}
	if len(p.telling) > 0 {
		any = append(any, fmt.Sprintf("list_contains(%s, %s)", list(p.telling), text), fmt.Sprintf("regexp_matches(%s, %s)", text, duck.Quote(alone(p.telling))))
	}
	return "coalesce(" + strings.Join(any, " OR ") + ", false)"
}

// rows is the condition that a row of a table goes: it is of one of the people. In a table
// without a column of customers that is a row that has a telling id.
func (p People) rows(columns []duck.Column) string {
	if refusals(columns) {
		return p.refused()
	}
	var people, others []string
	for _, c := range columns {
		cond := p.in(c).named
		switch {
		case strings.EqualFold(c.Name, person):
			return cond
		case holdsPeople(c.Name):
			people = append(people, cond)
		case cond != "" && len(p.telling) > 0:
			others = append(others, cond)
		}
	}
	if len(people) == 0 {
		people = others
	}
	if len(people) == 0 {
		return "false"
	}
	return strings.Join(people, " OR ")
}

// refusals tells whether a table is the quarantine.
func refusals(columns []duck.Column) bool {
	for _, name := range []string{"table_name", "row", "reason", "record"} {
		if !slices.ContainsFunc(columns, func(c duck.Column) bool { return c.Name == name }) {
			return false
		}
	}
	return true
}

// refused is the condition that a row of the quarantine is of one of the people: as its
// customer_id says, or a value of a record that could not be taken apart.
func (p People) refused() string {
	anywhere := p.telling
	if p.Malformed {
		anywhere = p.IDs
	}
	return fmt.Sprintf("coalesce(list_has_any(%s, %s) OR list_has_any(%s, %s), false)", contract.RefusedPeople, list(p.IDs), contract.RefusedValues, list(anywhere))
}
