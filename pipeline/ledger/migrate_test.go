package ledger

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// format1 makes a ledger as the first version of mainstay made it.
func format1(t *testing.T, dir string) {
	t.Helper()
	old, err := os.ReadFile(filepath.Join("testdata", "format1.sql"))
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", filepath.Join(dir, FileName))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, q := range []string{string(old), "PRAGMA user_version = 1",
		`INSERT INTO nights (as_of, status, started_at, host, pid, version, config) VALUES ('2024-03-01', 'published', '2024-03-01T02:00:00.000000Z', 'h', 1, '0.1', 'c')`,
		`INSERT INTO batches (source, as_of, night) VALUES ('shop', '2024-03-01', 1)`,
		`INSERT INTO lake_files (path, tbl, day, batch, rows, bytes, sha256, min_event, max_event) VALUES ('p', 'orders', '2024-02-01', 1, 3, 9, 's', '2024-02-01T00:00:00.000000Z', '2024-02-01T01:00:00.000000Z')`,
	} {
		if _, err := db.Exec(q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
}

// columns lists the tables of a ledger with their columns, types and defaults.
func columns(t *testing.T, l *Ledger) map[string][]string {
	t.Helper()
	rows, err := l.db.Query(`SELECT m.name, c.name || ' ' || c.type || ' ' || c."notnull" || ' ' || coalesce(c.dflt_value, '') FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' ORDER BY 1, 2`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	out := map[string][]string{}
	for rows.Next() {
		var table, column string
		if err := rows.Scan(&table, &column); err != nil {
			t.Fatal(err)
		}
		out[table] = append(out[table], column)
	}
	return out
}

// An older ledger is brought to today's format and keeps what it holds.
func TestOlderLedger(t *testing.T) {
	t.Parallel()
	ctx, dir := context.Background(), t.TempDir()
	format1(t, dir)
	for range 2 { // the second time there is nothing to do
		l, err := Open(ctx, dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		nights, err := l.PublishedNights(ctx)
		if err != nil || len(nights) != 1 || nights[0].Kind != KindNight {
			t.Errorf("nights: %+v, %v", nights, err)
		}
		files, err := l.LakeFiles(ctx, "orders")
		if err != nil || len(files) != 1 || files[0].Rows != 3 || files[0].Keyed {
			t.Errorf("lake files: %+v, %v", files, err)
		}
		fresh, err := Open(ctx, t.TempDir(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := columns(t, l), columns(t, fresh); !reflect.DeepEqual(got, want) {
			t.Errorf("the tables differ from those of a new ledger:\n got %v\nwant %v", got, want)
		}
		fresh.Close()
		l.Close()
	}
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	b := setup(t)
	night := b.begin("2024-03-01")
	id, _, err := b.NextIDs(b.ctx)
	b.must(err)
	c := Certificate{Night: night, Source: "shop", Table: "orders", LakeRows: 3, Refused: 1, Differing: 2, Deleted: 1,
		Chunks: []Chunk{{Number: 0, SourceRows: 3, SourceSum: "7", LakeRows: 3, LakeSum: "7"}, {Number: 1, SourceRows: 1, SourceSum: "1152921504606846975000", LakeRows: 1, LakeSum: "1152921504606846975000"}}}
	c.Total()
	if !c.Matches() || c.SourceRows != 4 || c.SourceSum != "1152921504606846975007" {
		t.Fatalf("got %+v", c)
	}
	b.must(b.CommitBatch(b.ctx, Batch{ID: id, Source: "shop", AsOf: "2024-03-01", Night: night, Certificates: []Certificate{c}, States: map[string]string{"orders": "s1"}}))
	c.Chunks[1].LakeSum, c.LakeRows = "5", 2
	c.Total()
	if c.Matches() {
		t.Error("a certificate of different sums matches")
	}
	b.must(b.CommitBatch(b.ctx, Batch{ID: id + 1, Source: "shop", AsOf: "2024-03-01", Night: night, Certificates: []Certificate{c}, States: map[string]string{"orders": "s2"}}))
	got, err := b.Certificates(b.ctx, night)
	b.must(err)
	if len(got) != 1 || got[0].LakeRows != 2 || got[0].AsOf != "2024-03-01" || got[0].Deleted != 1 {
		t.Errorf("got %+v", got)
	}
	chunks, err := b.Chunks(b.ctx, got[0])
	b.must(err)
	if !reflect.DeepEqual(chunks, c.Chunks) {
		t.Errorf("chunks: got %+v, want %+v", chunks, c.Chunks)
	}
	states, err := b.States(b.ctx, "shop")
	b.must(err)
	if !reflect.DeepEqual(states, map[string]string{"orders": "s2"}) {
		t.Errorf("states: got %v", states)
	}
	if all, err := b.AllCertificates(b.ctx); err != nil || len(all) != 1 {
		t.Errorf("all: %+v, %v", all, err)
	}
}
