package lake

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/source"
)

// fewDeleted rows may always be gone, whatever their share: small tables live fast.
const fewDeleted = 100

// repair reads rows that differ again and buries rows that are gone.
func (c *comparison) repair(ctx context.Context) error {
	var keys []string
	var buried string
	err := c.withMemory(func() (err error) {
		keys, buried, err = c.findDiffering(ctx)
		return err
	})
	if err != nil {
		return err
	}
	if had := c.cert.LakeRows + c.cert.Refused; c.cert.Deleted > fewDeleted && float64(c.cert.Deleted) > c.o.MaxDeleted*float64(had) {
		return fmt.Errorf("%d of %d rows are gone, more than the share %v that quality.max_deleted_share allows: is this still the same database, and the mapping right? Nothing was marked as deleted. If they are gone for good, raise the share for one extraction", c.cert.Deleted, had, c.o.MaxDeleted)
	}
	if err := c.fetch(ctx, keys); err != nil {
		return err
	}
	if c.cert.Deleted == 0 {
		return nil
	}
	return c.withMemory(func() error { return c.storeGone(ctx, buried) })
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

// findDiffering writes the keys of rows to read again, in files of a bounded size,
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
	if err := s.Exec(ctx, "CREATE TEMP TABLE differing (_pk VARCHAR, gone BOOLEAN)"); err != nil {
		return nil, "", err
	}
	lies := duck.Idents(placeOf(c.t))
	if err := s.Exec(ctx, fmt.Sprintf("CREATE TEMP TABLE gone AS SELECT %s, _pk, _refused FROM (%s)", lies, heldNone(c.t, nil))); err != nil {
		return nil, "", err
	}
	in := fmt.Sprintf("%s IN (%s)", c.chunk(), strings.Join(chunks, ", "))
	err = c.passes(ctx, s, func() error {
		if err := s.Exec(ctx, fmt.Sprintf("INSERT INTO differing SELECT _pk, l._pk IS NULL FROM (SELECT _pk, _hash FROM listed WHERE %[1]s) AS l FULL JOIN (SELECT _pk, _held FROM held WHERE %[1]s) AS h USING (_pk) WHERE l._hash IS DISTINCT FROM h._held", in)); err != nil {
			return err
		}
		return s.Exec(ctx, fmt.Sprintf("INSERT INTO gone SELECT %s, _pk, _refused FROM held SEMI JOIN (SELECT _pk FROM differing WHERE gone) USING (_pk)", lies))
	})
	if err != nil {
		return nil, "", err
	}
	if err := c.views(ctx, s, "true"); err != nil {
		return nil, "", err
	}
	if err := s.Scan(ctx, "SELECT count(*) FILTER (NOT gone), count(*) FILTER (gone) FROM differing", &c.cert.Differing, &c.cert.Deleted); err != nil {
		return nil, "", err
	}
	if keys, err = c.writeKeys(ctx, s); err != nil {
		return nil, "", err
	}
	buried = filepath.Join(c.dir, "gone.parquet")
	_, err = s.WriteParquet(ctx, "SELECT * FROM gone ORDER BY _pk", buried)
	return keys, buried, err
}

// writeKeys writes the keys of the differing rows that the source has.
func (c *comparison) writeKeys(ctx context.Context, s *duck.Session) (keys []string, err error) {
	for n := int64(0); n*sizes.fetchKeys < c.cert.Differing; n++ {
		path := filepath.Join(c.dir, fmt.Sprintf("keys-%06d.parquet", n))
		if _, err := s.WriteParquet(ctx, fmt.Sprintf("SELECT %s FROM listed SEMI JOIN (SELECT _pk FROM differing WHERE NOT gone ORDER BY _pk LIMIT %d OFFSET %d) USING (_pk) ORDER BY ALL", duck.Idents(c.listing.Keys), sizes.fetchKeys, n*sizes.fetchKeys), path); err != nil {
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
		x: Extraction{Source: c.source, AsOf: c.o.AsOf, Night: c.o.Night, Batch: batch, Scratch: c.dir, Session: c.o.Session, memoryLimit: dbMemory[c.limit]}}
	if err := os.RemoveAll(w.dir); err != nil {
		return fmt.Errorf("clearing scratch directory: %w", err)
	}
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

// commitCertificate records what was compared.
func (c *comparison) commitCertificate(ctx context.Context) error {
	batch, _, err := c.Ledger.NextIDs(ctx)
	if err != nil {
		return err
	}
	b := ledger.Batch{ID: batch, Source: c.source, AsOf: c.o.AsOf, Night: c.o.Night, Certificates: []ledger.Certificate{c.cert}}
	if c.cert.Matches() {
		c.verified[c.t.Name] = c.v.Verified(c.t.Name)
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
