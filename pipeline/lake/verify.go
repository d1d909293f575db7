package lake

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/mainstay-etl/mainstay/pipeline/contract"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/source"
)

// sizes of a comparison; tests make them small.
var sizes = struct {
	chunkRows int64 // a table is compared in chunks by the hash of its keys, of about so many rows each
	maxChunks int64
	passRows  int64 // rows of which the newest version is looked for at a time: that takes memory
	fetchKeys int64 // rows that are read again in one landing
}{100_000, 256, 300_000, 50_000}

// verifyAll verifies the tables that are due. None counts as verified before all of them
// are: what happens in the source until the next attempt is to be found by it.
func (x *extraction) verifyAll(ctx context.Context, v source.Verifier) error {
	x.verified = map[string]string{}
	for _, table := range v.Due() {
		if err := x.verify(ctx, v, table); err != nil {
			return err
		}
	}
	if len(x.verified) == 0 {
		return nil
	}
	batch, _, err := x.Ledger.NextIDs(ctx)
	if err != nil {
		return err
	}
	return x.Ledger.CommitBatch(ctx, ledger.Batch{ID: batch, Source: x.source, AsOf: x.o.AsOf, Night: x.o.Night, States: x.verified})
}

// verify compares a table of the source with the lake, key by key: rows that differ
// are read again, rows that are gone get a tombstone. It commits the certificate, and
// fails when the two still differ.
func (x *extraction) verify(ctx context.Context, v source.Verifier, table string) (err error) {
	t, err := contract.Lookup(table)
	if err != nil {
		return err
	}
	dir := filepath.Join(x.o.Scratch, "verify-"+table)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("creating scratch directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if x.o.Progress != nil {
		x.o.Progress(0, 0, "verifying "+table)
	}
	c := comparison{extraction: x, v: v, t: t, dir: dir, cert: ledger.Certificate{Night: x.o.Night, Source: x.source, Table: table}}
	if err := c.run(ctx); err != nil {
		return fmt.Errorf("verifying %s of source %s: %w", table, x.source, err)
	}
	return nil
}

// comparison compares one table of a source with the lake.
type comparison struct {
	*extraction
	v       source.Verifier
	t       contract.Table
	dir     string
	listing source.Listing
	cert    ledger.Certificate
	without *leftOut // rows that the source has and that are left out on purpose
	chunks  int64
	shares  int64 // of the chunks, compared one after the other
}

// divide decides on the chunks: by the rows of the table, and enough of them to compare
// a share at a time of the rows that may have several versions.
func (c *comparison) divide(ctx context.Context) error {
	newer, err := c.newerRows(ctx)
	if err != nil {
		return err
	}
	c.shares = newer/sizes.passRows + 1
	c.chunks = max(min(c.listing.Rows/sizes.chunkRows, sizes.maxChunks), c.shares)
	return nil
}

func (c *comparison) run(ctx context.Context) error {
	if err := c.list(ctx); err != nil {
		return err
	}
	if err := c.divide(ctx); err != nil {
		return err
	}
	compare := func() error { return c.withMemory(func() error { return c.compare(ctx) }) }
	if err := compare(); err != nil {
		return err
	}
	if !c.cert.Matches() {
		if err := c.repair(ctx); err != nil {
			return err
		}
		if err := compare(); err != nil {
			return err
		}
	}
	return c.commitCertificate(ctx)
}

// list asks the source for the keys and digests of all rows.
func (c *comparison) list(ctx context.Context) (err error) {
	dir := filepath.Join(c.dir, "listing")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("creating scratch directory: %w", err)
	}
	c.listing, err = c.v.List(ctx, c.t.Name, dir)
	return err
}

func (c *comparison) open(ctx context.Context) (*duck.Session, error) {
	o := c.o.Session
	o.Memory, o.Frugal, o.TempDir = dbMemory[c.limit], true, filepath.Join(c.dir, "spill")
	return duck.Open(ctx, o)
}

// passes calls f with the views listed and held of one share of the keys after the
// other: whole chunks, in as many shares as the rows that may have several versions ask
// for.
func (c *comparison) passes(ctx context.Context, s *duck.Session, f func() error) error {
	for share := range c.shares {
		if err := c.views(ctx, s, fmt.Sprintf("%s %% %d = %d", c.chunk(), c.shares, share)); err != nil {
			return err
		}
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

// newerRows counts the rows in files that may hold newer versions.
func (c *comparison) newerRows(ctx context.Context) (int64, error) {
	var n int64
	for _, table := range []string{c.t.Name, QuarantineTable} {
		files, err := c.Ledger.LakeFiles(ctx, table)
		if err != nil {
			return 0, err
		}
		for _, f := range keyedFiles(files, true) {
			n += f.Rows
		}
	}
	return n, nil
}

// chunk is the number of a key's chunk.
func (c *comparison) chunk() string { return fmt.Sprintf("(hash(_pk) %% %d)::INTEGER", c.chunks) }

// views makes the views listed (key columns, _pk, _hash: what the source has) and held
// (the newest version of every row that the lake or the quarantine has), both of the
// keys that a condition chooses.
func (c *comparison) views(ctx context.Context, s *duck.Session, where string) error {
	listed := "SELECT NULL::VARCHAR AS _pk, NULL::BIGINT AS _hash WHERE false"
	if len(c.listing.Files) > 0 {
		from := duck.ReadAlike(c.listing.Files)
		cols, err := s.Columns(ctx, "SELECT * FROM "+from)
		if err != nil {
			return err
		}
		key, err := keySQL(c.source, c.listing.Keys, cols)
		if err != nil {
			return err
		}
		listed = fmt.Sprintf("SELECT * FROM (SELECT *, %s AS _pk FROM %s) WHERE %s", key, from, where)
		if c.without == nil {
			if err := c.findLeftOut(ctx); err != nil {
				return err
			}
		}
		if err := s.Exec(ctx, "CREATE OR REPLACE TEMP VIEW left_out AS "+c.without.listed(listed, true)); err != nil {
			return err
		}
		listed = c.without.listed(listed, false)
	} else if err := s.Exec(ctx, "CREATE OR REPLACE TEMP VIEW left_out AS "+listed); err != nil {
		return err
	}
	if err := s.Exec(ctx, "CREATE OR REPLACE TEMP VIEW listed AS "+listed); err != nil {
		return err
	}
	h, err := c.held(ctx, s, c.t, nil)
	if err != nil {
		return err
	}
	mine := "starts_with(_pk, " + duck.Quote(c.source+":") + ")"
	return s.Exec(ctx, "CREATE OR REPLACE TEMP VIEW held AS "+h.newest(mine+" AND "+where))
}

// newest writes the query of the newest versions of rows that are not deleted, among
// those that a condition chooses. Only rows that may have several versions are compared
// with each other. base is read twice rather than kept: it may be the whole lake.
func (h held) newest(where string) string {
	return fmt.Sprintf(`WITH base AS NOT MATERIALIZED (SELECT * FROM (%[1]s) WHERE %[3]s), newer AS (SELECT * FROM (%[2]s) WHERE %[3]s)
SELECT * FROM base ANTI JOIN newer USING (_pk)
UNION ALL BY NAME
SELECT * FROM (SELECT * FROM (SELECT * FROM base SEMI JOIN newer USING (_pk) UNION ALL BY NAME SELECT * FROM newer)
    QUALIFY row_number() OVER (PARTITION BY _pk ORDER BY %[4]s) = 1) WHERE NOT _deleted`, h.base, h.newer, where, newestFirst(true))
}

// compare fills in the chunks of the certificate.
func (c *comparison) compare(ctx context.Context) (err error) {
	s, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	c.cert.Chunks, c.cert.LakeRows, c.cert.Refused, c.cert.Forgotten = nil, 0, 0, 0
	c.without = nil // what was read again may be left out since
	listed := int64(0)
	err = c.passes(ctx, s, func() error {
		r, err := s.Query(ctx, fmt.Sprintf(`SELECT chunk, sum(n)::BIGINT, coalesce(sum(h), 0)::VARCHAR, sum(ln)::BIGINT, coalesce(sum(lh), 0)::VARCHAR, sum(refused)::BIGINT FROM (
    SELECT %[1]s AS chunk, 1 AS n, _hash::HUGEINT AS h, 0 AS ln, 0::HUGEINT AS lh, 0 AS refused FROM listed
    UNION ALL SELECT %[1]s, 0, 0::HUGEINT, 1, _held::HUGEINT, _refused::INTEGER FROM held
) GROUP BY chunk ORDER BY chunk`, c.chunk()))
		if err != nil {
			return err
		}
		for _, row := range r.Rows {
			k := ledger.Chunk{Number: int(toInt(row[0])), SourceRows: toInt(row[1]), SourceSum: row[2].(string), LakeRows: toInt(row[3]), LakeSum: row[4].(string)}
			c.cert.Chunks = append(c.cert.Chunks, k)
			listed += k.SourceRows
			c.cert.Refused += toInt(row[5])
			c.cert.LakeRows += k.LakeRows - toInt(row[5])
		}
		var without int64
		err = s.Scan(ctx, "SELECT count(*) FROM left_out", &without)
		c.cert.Forgotten += without
		return err
	})
	if err != nil {
		return err
	}
	if listed += c.cert.Forgotten; listed != c.listing.Rows {
		return fmt.Errorf("the source counts %d rows, but %d have the key %s: is it NULL in some, or not unique? Name columns that identify a row", c.listing.Rows, listed, strings.Join(c.listing.Keys, ", "))
	}
	c.cert.Total()
	return nil
}
