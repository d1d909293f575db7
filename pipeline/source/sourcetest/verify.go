package sourcetest

import (
	"fmt"
	"path/filepath"

	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/source"
)

// verifier runs a whole pass and gives the reader if it can verify.
func (b *bundle) verifier(st *store) (source.Verifier, bool) {
	b.Helper()
	v, ok := b.read(b.src, st.known()).(source.Verifier)
	if !ok {
		return nil, false
	}
	for {
		landed, more := b.next(v)
		if !more {
			return v, true
		}
		st.commit(landed)
	}
}

// verified checks that what a source lists is what it landed: keys, digests, number.
func verified(b *bundle) {
	st := b.reader.newStore()
	v, ok := b.verifier(st)
	if !ok {
		b.Skip("this source cannot verify")
	}
	due := v.Due()
	if len(due) == 0 {
		b.Fatal("nothing is due for verification after the first pass")
	}
	for _, table := range due {
		listing, err := v.List(b.ctx, table, b.TempDir())
		if err != nil {
			b.Fatalf("List(%s): %v", table, err)
		}
		want := st.digests(table)
		got := b.reader.listed(listing)
		if int64(len(want)) != listing.Rows || len(got) != len(want) {
			b.Fatalf("%s: %d rows landed, %d are listed, and the source counts %d", table, len(want), len(got), listing.Rows)
		}
		for key, digest := range want {
			if got[key] != digest {
				b.Errorf("%s: row %s landed with digest %d and is listed with %d", table, key, digest, got[key])
			}
		}
		if v.Verified(table) == "" {
			b.Errorf("%s: a table that was verified has no state", table)
		}
	}
}

// fetched checks that rows can be read again by their keys.
func fetched(b *bundle) {
	st := b.reader.newStore()
	v, ok := b.verifier(st)
	if !ok {
		b.Skip("this source cannot verify")
	}
	before := st.content()
	for _, table := range v.Due() {
		listing, err := v.List(b.ctx, table, b.TempDir())
		if err != nil {
			b.Fatalf("List(%s): %v", table, err)
		}
		keys := filepath.Join(b.TempDir(), "keys.parquet")
		if _, err := b.reader.sess.WriteParquet(b.ctx, fmt.Sprintf("SELECT %s FROM %s LIMIT 3", duck.Idents(listing.Keys), duck.ReadParquet(listing.Files)), keys); err != nil {
			b.Fatal(err)
		}
		landed, err := v.Fetch(b.ctx, table, keys, b.TempDir())
		if err != nil {
			b.Fatalf("Fetch(%s): %v", table, err)
		}
		if landed.Mode != source.Merge || landed.Records != min(3, listing.Rows) {
			b.Errorf("Fetch(%s) of three keys: got mode %v and %d records", table, landed.Mode, landed.Records)
		}
		st.commit(landed)
		if got := st.content(); got != before {
			b.Errorf("rows that were fetched differ from those that landed:\n%s\nwant\n%s", got, before)
		}
	}
}
