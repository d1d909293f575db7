package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"math/big"
)

// Certificate compares what a table of a source held with what the lake holds of it,
// in the snapshot that the source was read in.
type Certificate struct {
	Night         int64
	AsOf          string // the night's day
	Source, Table string
	Chunks        []Chunk // by the hash of the rows' keys
	LakeRows      int64   // stored, newest versions
	Refused       int64   // in quarantine, newest versions
	Differing     int64   // rows that were missing or differed, before they were read again
	Deleted       int64   // rows that the source no longer has
	Forgotten     int64   // rows that are left out on purpose; SourceRows is without them
	// Of all chunks, as Total fills them in.
	SourceRows         int64
	SourceSum, LakeSum string
}

// Chunk is one part of a certificate. Sums are of row digests, as decimal text.
type Chunk struct {
	Number     int
	SourceRows int64
	SourceSum  string
	LakeRows   int64 // stored and refused
	LakeSum    string
}

// Total adds up the chunks.
func (c *Certificate) Total() {
	c.SourceRows = 0
	source, lake := new(big.Int), new(big.Int)
	for _, k := range c.Chunks {
		c.SourceRows += k.SourceRows
		for sum, text := range map[*big.Int]string{source: k.SourceSum, lake: k.LakeSum} {
			if n, ok := new(big.Int).SetString(text, 10); ok {
				sum.Add(sum, n)
			}
		}
	}
	c.SourceSum, c.LakeSum = source.String(), lake.String()
}

// Matches tells whether the lake holds what the source held, in every chunk.
func (c Certificate) Matches() bool {
	for _, k := range c.Chunks {
		if k.SourceRows != k.LakeRows || k.SourceSum != k.LakeSum {
			return false
		}
	}
	return c.SourceRows == c.LakeRows+c.Refused && c.SourceSum == c.LakeSum
}

func insertCertificate(ctx context.Context, tx *sql.Tx, b Batch, c Certificate) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM certificate_chunks WHERE night = ? AND source = ? AND tbl = ?`, b.Night, b.Source, c.Table); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO certificates (night, source, tbl, source_rows, source_sum, lake_rows, refused, lake_sum, differing, deleted, matches, forgotten) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		b.Night, b.Source, c.Table, c.SourceRows, c.SourceSum, c.LakeRows, c.Refused, c.LakeSum, c.Differing, c.Deleted, c.Matches(), c.Forgotten); err != nil {
		return err
	}
	for _, k := range c.Chunks {
		if _, err := tx.ExecContext(ctx, `INSERT INTO certificate_chunks (night, source, tbl, chunk, source_rows, source_sum, lake_rows, lake_sum) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			b.Night, b.Source, c.Table, k.Number, k.SourceRows, k.SourceSum, k.LakeRows, k.LakeSum); err != nil {
			return fmt.Errorf("chunk %d: %w", k.Number, err)
		}
	}
	return nil
}

const certificateColumns = `SELECT c.night, n.as_of, c.source, c.tbl, c.source_rows, c.source_sum, c.lake_rows, c.refused, c.lake_sum, c.differing, c.deleted, c.forgotten FROM certificates c JOIN nights n ON n.id = c.night `

func scanCertificate(r *sql.Rows) (Certificate, error) {
	var c Certificate
	err := r.Scan(&c.Night, &c.AsOf, &c.Source, &c.Table, &c.SourceRows, &c.SourceSum, &c.LakeRows, &c.Refused, &c.LakeSum, &c.Differing, &c.Deleted, &c.Forgotten)
	return c, err
}

// Certificates returns the certificates of a night without their chunks, by source and
// table.
func (l *Ledger) Certificates(ctx context.Context, night int64) ([]Certificate, error) {
	return collect(ctx, l, certificateColumns+`WHERE c.night = ? ORDER BY c.source, c.tbl`, []any{night}, scanCertificate)
}

// AllCertificates returns the last certificate of every as-of day and table.
func (l *Ledger) AllCertificates(ctx context.Context) ([]Certificate, error) {
	return collect(ctx, l, certificateColumns+`WHERE c.night = (SELECT max(o.night) FROM certificates o JOIN nights m ON m.id = o.night WHERE o.source = c.source AND o.tbl = c.tbl AND m.as_of = n.as_of) ORDER BY n.as_of, c.source, c.tbl`, nil, scanCertificate)
}

// Chunks returns the chunks of a certificate, by number.
func (l *Ledger) Chunks(ctx context.Context, c Certificate) ([]Chunk, error) {
	return collect(ctx, l, `SELECT chunk, source_rows, source_sum, lake_rows, lake_sum FROM certificate_chunks WHERE night = ? AND source = ? AND tbl = ? ORDER BY chunk`,
		[]any{c.Night, c.Source, c.Table}, func(r *sql.Rows) (Chunk, error) {
			var k Chunk
			err := r.Scan(&k.Number, &k.SourceRows, &k.SourceSum, &k.LakeRows, &k.LakeSum)
			return k, err
		})
}

// States returns what a source asked to be told, per table.
func (l *Ledger) States(ctx context.Context, source string) (map[string]string, error) {
	type state struct{ table, text string }
	states, err := collect(ctx, l, `SELECT tbl, state FROM source_states WHERE source = ?`, []any{source}, func(r *sql.Rows) (state, error) {
		var s state
		err := r.Scan(&s.table, &s.text)
		return s, err
	})
	out := map[string]string{}
	for _, s := range states {
		out[s.table] = s.text
	}
	return out, err
}
