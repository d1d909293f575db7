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

// A table is compared in chunks by the hash of its keys, of about chunkRows rows each.
const (
	chunkRows = 100_000
	maxChunks = 256
)

// fetchKeys bounds the rows that are read again in one landing.
const fetchKeys = 50_000

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
}

func (c *comparison) run(ctx context.Context) error {
	if err := c.list(ctx); err != nil {
		return err
	}
	if err := c.compare(ctx); err != nil {
		return err
	}
	if !c.cert.Matches() {
		if err := c.repair(ctx); err != nil {
			return err
		}
		if err := c.compare(ctx); err != nil {
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
	o.Memory, o.Frugal, o.TempDir = dbMemory, true, filepath.Join(c.dir, "spill")
	s, err := duck.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := c.views(ctx, s); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// views makes the views listed (key columns, _pk, _hash: what the source has) and held
// (the newest version of every row that the lake or the quarantine has).
func (c *comparison) views(ctx context.Context, s *duck.Session) error {
	listed := "SELECT NULL::VARCHAR AS _pk, NULL::BIGINT AS _hash WHERE false"
	if len(c.listing.Files) > 0 {
		from := duck.ReadParquet(c.listing.Files)
		cols, err := s.Columns(ctx, "SELECT * FROM "+from)
		if err != nil {
			return err
		}
		key, err := keySQL(c.source, c.listing.Keys, cols)
		if err != nil {
			return err
		}
		listed = fmt.Sprintf("SELECT *, %s AS _pk FROM %s", key, from)
	}
	if err := s.Exec(ctx, "CREATE TEMP VIEW listed AS "+listed); err != nil {
		return err
	}
	h, err := c.held(ctx, s, c.t, nil)
	if err != nil {
		return err
	}
	return s.Exec(ctx, "CREATE TEMP VIEW held AS "+h.newest(c.source))
}

// newest writes the query of the newest versions of a source's rows that are not
// deleted. Only rows that may have several versions are compared with each other.
func (h held) newest(src string) string {
	mine := "starts_with(_pk, " + duck.Quote(src+":") + ")"
	return fmt.Sprintf(`WITH base AS (SELECT * FROM (%[1]s) WHERE %[3]s), newer AS (SELECT * FROM (%[2]s) WHERE %[3]s)
SELECT * FROM base ANTI JOIN newer USING (_pk)
UNION ALL BY NAME
SELECT * FROM (SELECT * FROM (SELECT * FROM base SEMI JOIN newer USING (_pk) UNION ALL BY NAME SELECT * FROM newer)
    QUALIFY row_number() OVER (PARTITION BY _pk ORDER BY %[4]s) = 1) WHERE NOT _deleted`, h.base, h.newer, mine, newestFirst(true))
}

// compare fills in the chunks of the certificate.
func (c *comparison) compare(ctx context.Context) (err error) {
	s, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	r, err := s.Query(ctx, fmt.Sprintf(`SELECT chunk, sum(n)::BIGINT, coalesce(sum(h), 0)::VARCHAR, sum(ln)::BIGINT, coalesce(sum(lh), 0)::VARCHAR, sum(refused)::BIGINT FROM (
    SELECT (hash(_pk) %% %[1]d)::INTEGER AS chunk, 1 AS n, _hash::HUGEINT AS h, 0 AS ln, 0::HUGEINT AS lh, 0 AS refused FROM listed
    UNION ALL SELECT (hash(_pk) %% %[1]d)::INTEGER, 0, 0::HUGEINT, 1, _held::HUGEINT, _refused::INTEGER FROM held
) GROUP BY chunk ORDER BY chunk`, c.chunks()))
	if err != nil {
		return err
	}
	c.cert.Chunks, c.cert.LakeRows, c.cert.Refused = nil, 0, 0
	listed := int64(0)
	for _, row := range r.Rows {
		k := ledger.Chunk{Number: int(toInt(row[0])), SourceRows: toInt(row[1]), SourceSum: row[2].(string), LakeRows: toInt(row[3]), LakeSum: row[4].(string)}
		c.cert.Chunks = append(c.cert.Chunks, k)
		listed += k.SourceRows
		c.cert.Refused += toInt(row[5])
		c.cert.LakeRows += k.LakeRows - toInt(row[5])
	}
	if listed != c.listing.Rows {
		return fmt.Errorf("the source counts %d rows, but %d have the key %s: is it NULL in some, or not unique? Name columns that identify a row", c.listing.Rows, listed, strings.Join(c.listing.Keys, ", "))
	}
	c.cert.Total()
	return nil
}

func (c *comparison) chunks() int64 { return min(max(c.listing.Rows/chunkRows, 1), maxChunks) }

// repair reads rows that differ again and buries rows that are gone.
func (c *comparison) repair(ctx context.Context) error {
	keys, buried, err := c.findDiffering(ctx)
	if err != nil {
		return err
	}
	if err := c.fetch(ctx, keys); err != nil {
		return err
	}
	if c.cert.Deleted == 0 {
		return nil
	}
	return c.storeGone(ctx, buried)
}

// fetch reads the rows with the keys in these files again.
func (c *comparison) fetch(ctx context.Context, keys []string) error {
	for i, file := range keys {
		dir := filepath.Join(c.dir, fmt.Sprintf("fetched-%04d", i))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("creating landing directory: %w", err)
		}
		landed, err := c.v.Fetch(ctx, c.t.Name, file, dir)
		if err != nil {
			return err
		}
		if err := c.store(ctx, []source.Landed{landed}); err != nil {
			return err
		}
	}
	return nil
}

// findDiffering writes the keys of rows to read again, in files of at most fetchKeys,
// and the rows that the source no longer has, in one file.
func (c *comparison) findDiffering(ctx context.Context) (keys []string, buried string, err error) {
	s, err := c.open(ctx)
	if err != nil {
		return nil, "", err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	var chunks []string
	for _, k := range c.cert.Chunks {
		if k.SourceRows != k.LakeRows || k.SourceSum != k.LakeSum {
			chunks = append(chunks, fmt.Sprint(k.Number))
		}
	}
	in := fmt.Sprintf("(hash(_pk) %% %d)::INTEGER IN (%s)", c.chunks(), strings.Join(chunks, ", "))
	err = s.Exec(ctx, fmt.Sprintf("CREATE TEMP TABLE differing AS SELECT _pk, l._pk IS NULL AS gone FROM (SELECT _pk, _hash FROM listed WHERE %[1]s) AS l FULL JOIN (SELECT _pk, _held FROM held WHERE %[1]s) AS h USING (_pk) WHERE l._hash IS DISTINCT FROM h._held", in))
	if err != nil {
		return nil, "", err
	}
	if err := s.Scan(ctx, "SELECT count(*) FILTER (NOT gone), count(*) FILTER (gone) FROM differing", &c.cert.Differing, &c.cert.Deleted); err != nil {
		return nil, "", err
	}
	if keys, err = c.writeKeys(ctx, s); err != nil {
		return nil, "", err
	}
	buried = filepath.Join(c.dir, "gone.parquet")
	_, err = s.WriteParquet(ctx, fmt.Sprintf("SELECT %s, _pk, _refused FROM held SEMI JOIN (SELECT _pk FROM differing WHERE gone) USING (_pk) ORDER BY _pk", duck.Idents(append([]string{c.t.EventTime}, c.t.Key...))), buried)
	return keys, buried, err
}

// writeKeys writes the keys of the differing rows that the source has.
func (c *comparison) writeKeys(ctx context.Context, s *duck.Session) (keys []string, err error) {
	for n := int64(0); n*fetchKeys < c.cert.Differing; n++ {
		path := filepath.Join(c.dir, fmt.Sprintf("keys-%06d.parquet", n))
		if _, err := s.WriteParquet(ctx, fmt.Sprintf("SELECT %s FROM listed SEMI JOIN (SELECT _pk FROM differing WHERE NOT gone ORDER BY _pk LIMIT %d OFFSET %d) USING (_pk) ORDER BY ALL", duck.Idents(c.listing.Keys), fetchKeys, n*fetchKeys), path); err != nil {
			return nil, err
		}
		keys = append(keys, path)
	}
	return keys, nil
}

// storeGone commits tombstones for rows that the source no longer has.
func (c *comparison) storeGone(ctx context.Context, gone string) (err error) {
	batch, inputID, err := c.Ledger.NextIDs(ctx)
	if err != nil {
		return err
	}
	in := ledger.Input{ID: inputID, Source: c.source, Name: fmt.Sprintf("%s/gone/%s/%d", c.t.Name, c.o.AsOf, batch), Version: "tombstones"}
	b := ledger.Batch{ID: batch, Source: c.source, AsOf: c.o.AsOf, Night: c.o.Night, Inputs: []ledger.Input{in}, RepeatedKeys: map[string]int64{c.t.Name: c.cert.Deleted}}
	w := &ingest{Lake: c.Lake, t: c.t, dir: filepath.Join(c.dir, "tombstones"), key: c.listing.Keys, merge: true,
		x: Extraction{Source: c.source, AsOf: c.o.AsOf, Night: c.o.Night, Batch: batch, Scratch: c.dir, Session: c.o.Session}}
	if err := os.MkdirAll(w.dir, 0o755); err != nil {
		return fmt.Errorf("creating scratch directory: %w", err)
	}
	if w.sess, err = duck.Open(ctx, w.x.memory(true)); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.sess.Close()) }()
	err = w.sess.Exec(ctx, fmt.Sprintf("CREATE TEMP VIEW buried AS SELECT * REPLACE (coalesce(_refused, false) AS _refused), CAST(timezone('UTC', %s) AS DATE) AS _day, %d::BIGINT AS _input, row_number() OVER () AS _row, NULL::BIGINT AS _hash, true AS _deleted FROM %s",
		duck.Ident(c.t.EventTime), inputID, duck.ReadParquet([]string{gone})))
	if err != nil {
		return err
	}
	files, err := w.writeByDay(ctx, "SELECT * EXCLUDE (_refused) FROM buried WHERE NOT _refused")
	if err != nil {
		return err
	}
	released, err := w.writeQuarantine(ctx, c.t.Name, releasedSQL)
	if err != nil {
		return err
	}
	b.Files = append(files, released...)
	c.out.Batch = batch
	return c.Ledger.CommitBatch(ctx, b)
}

// commitCertificate records what was compared, and the source's state when it matches.
func (c *comparison) commitCertificate(ctx context.Context) error {
	batch, _, err := c.Ledger.NextIDs(ctx)
	if err != nil {
		return err
	}
	b := ledger.Batch{ID: batch, Source: c.source, AsOf: c.o.AsOf, Night: c.o.Night, Certificates: []ledger.Certificate{c.cert}}
	if c.cert.Matches() {
		b.States = map[string]string{c.t.Name: c.v.Verified(c.t.Name)}
	}
	if err := c.Ledger.CommitBatch(ctx, b); err != nil {
		return err
	}
	c.out.Certificates = append(c.out.Certificates, c.cert)
	if !c.cert.Matches() {
		return fmt.Errorf("the lake does not hold what the source holds, and reading the differing rows again did not help: %d rows with digests %s in the source, %d stored and %d refused with digests %s in the lake (`mainstay nights show %d` has the certificate); nothing is published", c.cert.SourceRows, c.cert.SourceSum, c.cert.LakeRows, c.cert.Refused, c.cert.LakeSum, c.o.Night)
	}
	return nil
}
