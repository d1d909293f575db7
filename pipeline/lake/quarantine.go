package lake

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/mainstay-etl/mainstay/pipeline/contract"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/source"
)

// Quarantine writes the query that reads the refused rows of current inputs: source,
// table_name, input, record, reason, detail, row, as_of (the night that refused them).
// Of a row of a database, the newest version counts.
func (l *Lake) Quarantine(ctx context.Context) (string, error) {
	from, _, err := l.refused(ctx)
	if err != nil {
		return "", err
	}
	return "SELECT source, table_name, input, record, reason, detail, row, as_of FROM (" + from + ") ORDER BY source, input, record, table_name, reason", nil
}

// refused writes the query of the refused rows with all columns; keyed tells whether
// _pk is one of them.
func (l *Lake) refused(ctx context.Context) (query string, keyed bool, err error) {
	files, err := l.files(ctx, QuarantineTable)
	if err != nil {
		return "", false, err
	}
	replaced, err := l.Ledger.ReplacedInputs(ctx)
	if err != nil {
		return "", false, err
	}
	if len(files) == 0 {
		return "SELECT ''::VARCHAR AS source, ''::VARCHAR AS table_name, ''::VARCHAR AS input, 0::BIGINT AS record, ''::VARCHAR AS reason, ''::VARCHAR AS detail, ''::VARCHAR AS row, NULL::DATE AS as_of, 0::BIGINT AS _input WHERE false", false, nil
	}
	query = fmt.Sprintf("SELECT * FROM %s WHERE NOT list_contains(%s, _input)", duck.ReadParquet(paths(l.Dir, files)), idList(replaced))
	if keyed = anyKeyed(files); keyed {
		query = fmt.Sprintf("SELECT * FROM (%s QUALIFY _pk IS NULL OR row_number() OVER (PARTITION BY table_name, _pk ORDER BY %s) = 1) WHERE NOT coalesce(_deleted, false)", query, newestFirst(true))
	}
	return query, keyed, nil
}

// RefusedFilter chooses refused rows; empty fields choose all.
type RefusedFilter struct {
	Source, Table, Reason string
	AsOf                  string // the night that refused them, YYYY-MM-DD
}

func (f RefusedFilter) where() string {
	out := "true"
	for _, c := range [][2]string{{"source", f.Source}, {"table_name", f.Table}, {"reason", f.Reason}, {"CAST(as_of AS VARCHAR)", f.AsOf}} {
		if c[1] != "" {
			out += " AND " + c[0] + " = " + duck.Quote(c[1])
		}
	}
	return out
}

// findRefused counts the refused rows to try again and finds their inputs.
func (x *extraction) findRefused(ctx context.Context) (err error) {
	query, _, err := x.refused(ctx)
	if err != nil {
		return err
	}
	s, err := duck.Open(ctx, x.o.Session)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	r, err := s.Query(ctx, fmt.Sprintf("SELECT _input, count(*) FROM (%s) WHERE %s GROUP BY _input", query, x.o.Refused.where()))
	if err != nil {
		return err
	}
	x.again = map[int64]bool{}
	for _, row := range r.Rows {
		x.again[toInt(row[0])] = true
		x.out.Tried += toInt(row[1])
	}
	return nil
}

// tryAgain reads refused rows of a database again.
func (x *extraction) tryAgain(ctx context.Context, v source.Verifier) error {
	if x.out.Tried == 0 {
		return nil
	}
	query, keyed, err := x.refused(ctx)
	if err != nil || !keyed {
		return err
	}
	for _, t := range contract.Tables() {
		if x.o.Refused.Table != "" && x.o.Refused.Table != t.Name {
			continue
		}
		dir := filepath.Join(x.o.Scratch, "again-"+t.Name)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("creating scratch directory: %w", err)
		}
		c := comparison{extraction: x, v: v, t: t, dir: dir}
		if err := c.fetchRefused(ctx, fmt.Sprintf("SELECT _pk FROM (%s) WHERE %s AND table_name = %s AND source = %s", query, x.o.Refused.where(), duck.Quote(t.Name), duck.Quote(x.source))); err != nil {
			return fmt.Errorf("reading refused rows of %s again: %w", t.Name, err)
		}
	}
	return nil
}

// fetchRefused reads the rows with the given keys again, as far as the source has them.
func (c *comparison) fetchRefused(ctx context.Context, keys string) (err error) {
	s, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	var n int64
	if err := s.Scan(ctx, "SELECT count(*) FROM ("+keys+")", &n); err != nil || n == 0 {
		return err
	}
	if err := c.list(ctx); err != nil {
		return err
	}
	if err := c.views(ctx, s, "true"); err != nil {
		return err
	}
	if err := s.Exec(ctx, "CREATE TEMP TABLE differing AS SELECT _pk, false AS gone FROM ("+keys+") SEMI JOIN listed USING (_pk)"); err != nil {
		return err
	}
	if err := s.Scan(ctx, "SELECT count(*) FROM differing", &c.cert.Differing); err != nil {
		return err
	}
	files, err := c.writeKeys(ctx, s)
	if err != nil {
		return err
	}
	return c.fetch(ctx, files)
}
