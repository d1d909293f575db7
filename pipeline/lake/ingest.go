package lake

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mainstay-etl/mainstay/pipeline/contract"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/source"
)

// Landing is one input as a source landed it.
type Landing struct {
	Input ledger.Input // with its id
	source.Landed
}

// Extraction is what one night takes from one source.
type Extraction struct {
	Source, TimeZone string
	AsOf             string // YYYY-MM-DD
	Night            int64
	Batch            int64 // id that the ledger promised
	Landings         []Landing
	Replaces         []int64 // inputs whose earlier version these landings replace
	Scratch          string  // empty directory on the data directory's file system
	Session          duck.Options
	memoryLimit      string                   // of DuckDB, for rows of a database
	accept           func(ledger.Batch) error // may refuse the batch before it is committed
}

// Ingest judges landed rows by the contract, writes the good ones by event day and the
// refused ones to quarantine, and commits all of it with its row accounts in one
// ledger transaction. Until then nothing of it counts.
func (l *Lake) Ingest(ctx context.Context, x Extraction) (batch ledger.Batch, err error) {
	batch = ledger.Batch{ID: x.Batch, Source: x.Source, AsOf: x.AsOf, Night: x.Night, RepeatedKeys: map[string]int64{}, States: map[string]string{}}
	for _, ld := range x.Landings {
		batch.Inputs = append(batch.Inputs, ld.Input)
		maps.Copy(batch.States, ld.States)
	}
	for _, t := range contract.Tables() {
		if err := l.ingestTable(ctx, x, t, &batch); err != nil {
			return batch, fmt.Errorf("storing %s from source %s: %w", t.Name, x.Source, err)
		}
	}
	if err := l.ingestUnparsed(ctx, x, &batch); err != nil {
		return batch, fmt.Errorf("storing unparsed records from source %s: %w", x.Source, err)
	}
	if x.accept != nil {
		if err := x.accept(batch); err != nil {
			return batch, err
		}
	}
	return batch, l.Ledger.CommitBatch(ctx, batch)
}

// memory limits DuckDB for rows that come from a database.
func (x Extraction) memory(keyed bool) duck.Options {
	o := x.Session
	o.TimeZone = x.TimeZone
	if keyed {
		o.Memory, o.Frugal, o.TempDir = x.memoryLimit, true, filepath.Join(x.Scratch, "spill")
	}
	return o
}

func (l *Lake) ingestTable(ctx context.Context, x Extraction, t contract.Table, batch *ledger.Batch) (err error) {
	var landings []Landing
	for _, ld := range x.Landings {
		if ld.Tables[t.Name] != "" {
			landings = append(landings, ld)
		}
	}
	if len(landings) == 0 {
		return nil
	}
	left, err := l.leftOut(ctx)
	if err != nil {
		return err
	}
	in := ingest{Lake: l, x: x, t: t, left: left, dir: filepath.Join(x.Scratch, t.Name), key: landings[0].Keys[t.Name]}
	for _, ld := range landings {
		in.merge = in.merge || ld.Mode == source.Merge
	}
	if err := os.MkdirAll(in.dir, 0o755); err != nil {
		return fmt.Errorf("creating scratch directory: %w", err)
	}
	if in.sess, err = duck.Open(ctx, x.memory(in.keyed())); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.sess.Close()) }()
	if err := in.judge(ctx, landings); err != nil {
		return err
	}
	if err := in.foreignKeys(ctx); err != nil {
		return err
	}
	files, err := in.writeRows(ctx)
	if err != nil {
		return err
	}
	refused, err := in.writeRefused(ctx)
	if err != nil {
		return err
	}
	if batch.RepeatedKeys[t.Name], err = in.repeatedKeys(ctx); err != nil {
		return err
	}
	accounts, err := in.accounts(ctx, landings, files)
	if err != nil {
		return err
	}
	batch.Files = append(append(batch.Files, files...), refused...)
	batch.Accounts = append(batch.Accounts, accounts...)
	if in.keyed() {
		rows, err := in.forgottenRows(ctx)
		batch.Forgotten = append(batch.Forgotten, rows...)
		return err
	}
	return nil
}

// ingestUnparsed puts malformed records into quarantine.
func (l *Lake) ingestUnparsed(ctx context.Context, x Extraction, batch *ledger.Batch) (err error) {
	var landings []Landing
	for _, ld := range x.Landings {
		if ld.MalformedRecords > 0 {
			landings = append(landings, ld)
		}
	}
	if len(landings) == 0 {
		return nil
	}
	sess, err := duck.Open(ctx, x.Session)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sess.Close()) }()
	left, err := l.leftOut(ctx)
	if err != nil {
		return err
	}
	in := ingest{Lake: l, x: x, t: contract.Table{Name: Unparsed}, sess: sess, dir: x.Scratch}
	var parts []string
	for _, ld := range landings {
		parts = append(parts, fmt.Sprintf("SELECT %d::BIGINT AS _input, %s AS input, _row, detail, CAST(json_object('record', row) AS VARCHAR) AS row FROM %s WHERE NOT %s", ld.Input.ID, duck.Quote(ld.Input.Name), duck.ReadParquet([]string{ld.Malformed}), left.names("row")))
		var n int64
		if err := sess.Scan(ctx, fmt.Sprintf("SELECT count(*) FILTER (%s) FROM %s", left.names("row"), duck.ReadParquet([]string{ld.Malformed})), &n); err != nil {
			return err
		}
		batch.Accounts = append(batch.Accounts, ledger.Account{Input: ld.Input, Table: Unparsed, Read: ld.MalformedRecords, Quarantined: ld.MalformedRecords - n, Forgotten: n})
	}
	files, err := in.writeQuarantine(ctx, "unparsed", fmt.Sprintf("SELECT _input, input, _row, %s AS reason, detail, row, NULL::VARCHAR AS _pk, NULL::BIGINT AS _hash, false AS _deleted FROM (%s)",
		duck.Quote(contract.ReasonMalformed), joinUnion(parts)))
	batch.Files = append(batch.Files, files...)
	return err
}

// accounts adds up what became of the rows of every input, from three places that
// do not know of each other: what landed, what was judged, what the files hold.
func (in *ingest) accounts(ctx context.Context, landings []Landing, files []ledger.LakeFile) ([]ledger.Account, error) {
	judged, err := in.countBy(ctx, "SELECT _input, count(*) FILTER (_copy > 1), count(*) FILTER (_reason IS NOT NULL AND _copy IS NULL) FROM judged WHERE _reason IS DISTINCT FROM '"+contract.ReasonForgotten+"' GROUP BY _input")
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, f := range files {
		paths = append(paths, filepath.Join(in.Dir, f.Path))
	}
	forgotten, err := in.countBy(ctx, "SELECT _input, count(*), 0 FROM judged WHERE _reason = '"+contract.ReasonForgotten+"' GROUP BY _input")
	if err != nil {
		return nil, err
	}
	stored, rows := map[int64][2]int64{}, "count(*)"
	if in.keyed() {
		rows = "count(*) FILTER (NOT " + contract.ColDeleted + ")"
	}
	if len(paths) > 0 {
		if stored, err = in.countBy(ctx, "SELECT _input, "+rows+", 0 FROM "+duck.ReadParquet(paths)+" GROUP BY _input"); err != nil {
			return nil, err
		}
	}
	var out []ledger.Account
	for _, ld := range landings {
		var read int64
		if err := in.sess.Scan(ctx, "SELECT sum(num_rows)::BIGINT FROM parquet_file_metadata("+duck.File(ld.Tables[in.t.Name])+")", &read); err != nil {
			return nil, err
		}
		a := ledger.Account{Input: ld.Input, Table: in.t.Name, Read: read, Stored: stored[ld.Input.ID][0], Duplicates: judged[ld.Input.ID][0], Quarantined: judged[ld.Input.ID][1], Forgotten: forgotten[ld.Input.ID][0]}
		if a.Read != a.Stored+a.Duplicates+a.Quarantined+a.Forgotten {
			return nil, fmt.Errorf("%s: %d rows read, but %d stored + %d duplicates + %d quarantined + %d left out: rows were lost, nothing of this extraction is kept", ld.Input.Name, a.Read, a.Stored, a.Duplicates, a.Quarantined, a.Forgotten)
		}
		out = append(out, a)
	}
	return out, nil
}

func (in *ingest) countBy(ctx context.Context, query string) (map[int64][2]int64, error) {
	r, err := in.sess.Query(ctx, query)
	if err != nil {
		return nil, err
	}
	out := map[int64][2]int64{}
	for _, row := range r.Rows {
		out[toInt(row[0])] = [2]int64{toInt(row[1]), toInt(row[2])}
	}
	return out, nil
}

func toInt(v any) int64 {
	switch n := v.(type) {
	case int64:
		return n
	case int32:
		return int64(n)
	}
	return 0
}

// foreignKeys refuses rows whose keys another source brought: they are different rows
// with one name, and reading would let the newer one hide the other.
func (in *ingest) foreignKeys(ctx context.Context) error {
	t, err := in.Table(ctx, in.t.Name)
	if err != nil || len(t.Files) == 0 {
		return err
	}
	others, err := in.Ledger.InputsOfOthers(ctx, in.x.Source)
	if err != nil || len(others) == 0 {
		return err
	}
	key := duck.Idents(in.t.Key)
	theirs := fmt.Sprintf("FROM %s WHERE list_contains(%s, _input)", duck.ReadParquet(t.paths(t.Files)), idList(others))
	if anyKeyed(t.Files) { // what the other source has deleted is free to move here
		theirs = fmt.Sprintf("FROM (SELECT * %s QUALIFY row_number() OVER (PARTITION BY %s, %s ORDER BY %s) = 1) WHERE NOT coalesce(%s, false)",
			theirs, key, contract.ColKey, newestFirst(true), contract.ColDeleted)
	}
	query := fmt.Sprintf("SELECT count(*), coalesce(min(CAST(%s AS VARCHAR)), '') FROM (SELECT DISTINCT %s FROM judged SEMI JOIN (SELECT %s %s) USING (%s) WHERE _copy = 1)",
		in.t.Key[0], key, key, theirs, key)
	var n int64
	var example string
	if err := in.sess.Scan(ctx, query, &n, &example); err != nil {
		return err
	}
	if n > 0 {
		return fmt.Errorf("%d keys (%s), such as %s %q, came from another source already: rows of different sources need different keys, so put a prefix before them in one of the mappings", n, strings.Join(in.t.Key, ", "), in.t.Key[0], example)
	}
	return nil
}

// repeatedKeys counts keys of the new rows that the lake (with them) holds more than
// once, and tombstones: with either, readers must look for the newest version.
func (in *ingest) repeatedKeys(ctx context.Context) (int64, error) {
	if in.keyed() && !in.merge && in.t.KeyHas(in.key) {
		return 0, nil // rows that were never read before, told apart by the key itself
	}
	t, err := in.Table(ctx, in.t.Name)
	if err != nil {
		return 0, err
	}
	key := duck.Idents(in.t.Key)
	query := fmt.Sprintf("SELECT count(*) FROM (SELECT %s FROM judged WHERE _copy = 1 GROUP BY ALL HAVING count(*) > 1", key)
	if len(t.Files) > 0 {
		var paths []string
		for _, f := range t.Files {
			paths = append(paths, filepath.Join(in.Dir, f.Path))
		}
		gone := slices.Concat(t.Replaced, in.x.Replaces)
		query += fmt.Sprintf(" UNION SELECT %s FROM judged SEMI JOIN (SELECT %s FROM %s WHERE NOT list_contains(%s, _input)) USING (%s) WHERE _copy = 1",
			key, key, duck.ReadParquet(paths), idList(gone), key)
	}
	query += ")"
	if in.merge {
		query = "SELECT (" + query + ") + (SELECT count(*) FROM buried)"
	}
	var n int64
	err = in.sess.Scan(ctx, query, &n)
	return n, err
}
