package sourcetest

import (
	"slices"

	"github.com/mainstay-etl/mainstay/pipeline/contract"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/source"
)

// reader reads landing files back.
type reader struct {
	*bundle
	sess *duck.Session
}

func newReader(b *bundle) *reader {
	b.Helper()
	s, err := duck.Open(b.ctx, duck.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	return &reader{bundle: b, sess: s}
}

func (r *reader) query(query string) duck.Result {
	r.Helper()
	res, err := r.sess.Query(r.ctx, query)
	if err != nil {
		r.Fatal(err)
	}
	return res
}

// checkTables checks the shape of the landed tables: records numbered from 1.
func (r *reader) checkTables(landed source.Landed) {
	r.Helper()
	in := landed.Input
	if len(landed.Tables) == 0 && landed.Records > landed.MalformedRecords {
		r.Errorf("%s: %d records and no table", in.Name, landed.Records)
	}
	for table, path := range landed.Tables {
		from := duck.ReadParquet([]string{path})
		cols, err := r.sess.Columns(r.ctx, "SELECT * FROM "+from)
		if err != nil {
			r.Errorf("%s: table %s: %v", in.Name, table, err)
			continue
		}
		if !slices.Contains(cols, duck.Column{Name: contract.ColRow, Type: "BIGINT"}) {
			r.Errorf("%s: table %s has no column _row BIGINT, only %v", in.Name, table, cols)
			continue
		}
		if bad := r.query("SELECT _row FROM " + from + " WHERE _row IS NULL OR _row < 1").Rows; len(bad) > 0 {
			r.Errorf("%s: table %s: records are numbered from 1, got %v", in.Name, table, bad)
		}
	}
}

// checkMalformed checks the account of malformed records.
func (r *reader) checkMalformed(landed source.Landed) {
	r.Helper()
	in := landed.Input
	if landed.MalformedRecords < 0 || landed.MalformedRecords > landed.Records {
		r.Errorf("%s: %d of %d records are malformed", in.Name, landed.MalformedRecords, landed.Records)
	}
	if (landed.Malformed == "") != (landed.MalformedRecords == 0) {
		r.Errorf("%s: %d malformed records, in file %q", in.Name, landed.MalformedRecords, landed.Malformed)
	}
	if landed.Malformed == "" {
		return
	}
	from := duck.ReadParquet([]string{landed.Malformed})
	res := r.query("SELECT count(*), count(DISTINCT _row), count(*) FILTER (_row >= 1 AND detail <> '' AND row IS NOT NULL) FROM " + from)
	for _, n := range res.Rows[0] {
		if n != landed.MalformedRecords {
			r.Errorf("%s: malformed records: got %v (rows, different numbers, rows with number, detail and text), want %d of each", in.Name, res.Rows[0], landed.MalformedRecords)
		}
	}
}
