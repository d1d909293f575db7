package lake

import (
	"context"
	"fmt"

	"github.com/mainstay-etl/mainstay/pipeline/contract"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/pseudonym"
)

// leftOut knows whose rows are left out: people who are to be forgotten. Only pseudonyms
// of them are kept.
type leftOut struct {
	key    pseudonym.Key
	people []string
	rows   string // SQL list of the pseudonyms of rows, for comparisons with a source
}

// leftOut reads who is to be forgotten.
func (l *Lake) leftOut(ctx context.Context) (leftOut, error) {
	f, err := l.Ledger.Forgotten(ctx)
	return leftOut{key: f.Key, people: f.People}, err
}

// leftOut is the condition that a landed row is left out; "" when none is.
func (in *ingest) leftOut() string {
	if person := in.t.Person(); person != "" && len(in.left.people) > 0 {
		return in.left.key.In(person, in.left.people)
	}
	return ""
}

// names is the condition that a record that could not be taken apart names one of the
// people: a value of it is their id. A short id or a number must have been asked for.
func (o leftOut) names(text string) string {
	if len(o.people) == 0 {
		return "false"
	}
	return fmt.Sprintf("len(list_filter(%s, lambda v: %s)) > 0", contract.RecordValues(text), o.key.InRecord("v", o.people))
}

// rowSQL is what a row of a database is known by among those that are left out: its key
// together with its content, so that a row that goes over to another customer is met again.
const rowSQL = contract.ColKey + " || ':' || " + contract.ColHash + "::VARCHAR"

// forgottenRows are the pseudonyms of the rows that were left out.
func (in *ingest) forgottenRows(ctx context.Context) ([]string, error) {
	if in.leftOut() == "" {
		return nil, nil
	}
	return texts(ctx, in.sess, fmt.Sprintf("SELECT %s FROM judged WHERE _reason = '%s' ORDER BY 1", in.left.key.SQL(rowSQL), contract.ReasonForgotten))
}

func texts(ctx context.Context, s *duck.Session, query string) ([]string, error) {
	r, err := s.Query(ctx, query)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, row := range r.Rows {
		if text, ok := row[0].(string); ok {
			out = append(out, text)
		}
	}
	return out, nil
}

// findLeftOut reads which rows of the source are left out.
func (c *comparison) findLeftOut(ctx context.Context) error {
	o, err := c.leftOut(ctx)
	if err != nil {
		return err
	}
	rows, err := c.Ledger.ForgottenRows(ctx)
	if err != nil {
		return err
	}
	for i, r := range rows {
		if i > 0 {
			o.rows += ", "
		}
		o.rows += "('" + r + "')"
	}
	c.without = &o
	return nil
}

// listed are the rows of a listing that are left out, or those that are not.
func (o *leftOut) listed(listing string, out bool) string {
	switch {
	case o.rows == "" && out:
		return "SELECT * FROM (" + listing + ") WHERE false"
	case o.rows == "":
		return listing
	}
	join := "ANTI"
	if out {
		join = "SEMI"
	}
	return fmt.Sprintf("SELECT l.* FROM (%s) AS l %s JOIN (VALUES %s) AS f(row) ON f.row = %s", listing, join, o.rows, o.key.SQL("l."+contract.ColKey+" || ':' || l."+contract.ColHash+"::VARCHAR"))
}
