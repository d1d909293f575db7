package lake_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/lake"
	"github.com/mainstay-etl/mainstay/pipeline/pseudonym"
)

// forget takes a person out.
func (b *testBundle) forget(malformed bool, ids ...string) lake.Forgot {
	b.t.Helper()
	key, err := b.ledger.PseudonymKey(b.ctx)
	if err != nil {
		b.t.Fatal(err)
	}
	var people []string
	for _, id := range ids {
		people = append(people, pseudonym.Key(key).Of(id))
	}
	if err := b.ledger.BeginForgetting(b.ctx, people); err != nil {
		b.t.Fatal(err)
	}
	f, err := b.lake.Forget(b.ctx, lake.Forgetting{People: ids, Key: key, Night: b.night, Scratch: b.t.TempDir(), Malformed: malformed})
	if err != nil {
		b.t.Fatal(err)
	}
	return f
}

// A merged file from which a person was taken still says that it has rows of earlier
// batches: when it is damaged, all of them are read again.
func TestForgottenOutOfMergedFile(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i := range 4 {
		b.write(fmt.Sprintf("%d.csv", i), header+fmt.Sprintf("%d,1,10,2024-02-01 1%d:00:00,p,2,1.50,red\n%d,2,11,2024-02-01 1%d:10:00,p,10,10,red\n", i, i, i, i))
		b.extract()
	}
	if got, err := b.lake.Compact(b.ctx, lake.CompactOptions{Scratch: t.TempDir(), MinFiles: 2}); err != nil || got.Files != 4 {
		t.Fatalf("merged %+v, %v", got, err)
	}
	tbl, err := b.lake.Table(b.ctx, "orders")
	if err != nil {
		t.Fatal(err)
	}
	before := tbl.Digest(tbl.Start().AddDate(1, 0, 0))
	if got := b.forget(false, "10"); got.Rows["orders"] != 4 || got.Files != 1 {
		t.Errorf("got %+v", got)
	}
	if tbl, err = b.lake.Table(b.ctx, "orders"); err != nil || len(tbl.Files) != 1 {
		t.Fatalf("%v, %v", tbl, err)
	}
	f := tbl.Files[0]
	if tbl.Digest(tbl.Start().AddDate(1, 0, 0)) == before {
		t.Error("the digest does not tell that rows went")
	}
	if f.Origin == "" {
		t.Errorf("%s does not say that it was merged", f.Path)
	}
	if err := os.Remove(filepath.Join(b.lake.Dir, f.Path)); err != nil {
		t.Fatal(err)
	}
	inputs, err := b.ledger.DropLakeFile(b.ctx, f)
	if err != nil || len(inputs) != 4 {
		t.Errorf("%v are read again, %v; want all four", inputs, err)
	}
	b.extract()
	if got, want := b.rows("order_id, customer_id, quantity::INT", lake.Window{}), "0|11|10 1|11|10 2|11|10 3|11|10"; got != want {
		t.Errorf("the lake holds %s, want %s", got, want)
	}
}

// Refused rows go by the column of the customer, whatever else has the number. Records that
// could not be taken apart go when that is asked for, and stay out then.
func TestForgottenOutOfQuarantine(t *testing.T) {
	t.Parallel()
	b := setup(t)
	content := header + "10,1,11,2024-02-01 10:00:00,10,ten,10,red\n1,1,10,2024-02-01 10:00:00,p,x,1,red\n2,1,11,2024-02-01 10:00:00,p,1,1,red\n" + `3,1,"10"x,2024-02-01 10:00:00,p,1,1,red` + "\n"
	b.write("a.csv", content)
	b.extract()
	s, err := duck.Open(b.ctx, duck.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	quarantine := func() string {
		query, err := b.lake.Quarantine(b.ctx)
		if err != nil {
			t.Fatal(err)
		}
		var out string
		if err := s.Scan(b.ctx, "SELECT string_agg(reason || ' ' || coalesce(json_extract_string(\"row\", '$.order_id'), ''), '|' ORDER BY record) FROM ("+query+")", &out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	if got, want := quarantine(), "bad_quantity 10|bad_quantity 1|malformed_record "; got != want {
		t.Fatalf("refused: %s, want %s", got, want)
	}
	if got := b.forget(false, "10"); got.Rows["quarantine"] != 1 || got.Malformed != 1 {
		t.Errorf("got %+v", got)
	}
	if got, want := quarantine(), "bad_quantity 10|malformed_record "; got != want {
		t.Errorf("refused: %s, want %s", got, want)
	}
	b.write("a.csv", content+"4,1,11,2024-02-01 10:00:00,p,1,1,red\n") // read again as a whole
	b.extract()
	if got, want := quarantine(), "bad_quantity 10|malformed_record "; got != want {
		t.Errorf("read again: %s, want %s", got, want)
	}
	// Both readings of the record: replaced inputs stay in the lake, too.
	if got := b.forget(true, "10"); got.Rows["quarantine"] != 2 || got.Malformed != 0 {
		t.Errorf("with malformed records: %+v", got)
	}
	if got, want := quarantine(), "bad_quantity 10"; got != want {
		t.Errorf("with malformed records: %s, want %s", got, want)
	}
}

// What is left out of a record that could not be taken apart: telling ids, and others that
// were asked for.
func TestLeftOutOfMalformedRecords(t *testing.T) {
	t.Parallel()
	b := setup(t)
	key, err := b.ledger.PseudonymKey(b.ctx)
	if err != nil {
		t.Fatal(err)
	}
	k := pseudonym.Key(key)
	if err := b.ledger.BeginForgetting(b.ctx, []string{k.Of("10"), k.Of("C-000001"), k.Of("17850"), k.OfRecord("17850"), k.Of("Ann Berg")}); err != nil {
		t.Fatal(err)
	}
	b.write("a.csv", header)
	for i, id := range []string{`"10"x`, `"C-000001"x`, `"17850"x`, `"C-0000011"x`, `"Ann Berg",x"y`} {
		b.write(fmt.Sprintf("%d.csv", i), header+"1,1,"+id+",2024-02-01 10:00:00,p,1,1,red\n")
	}
	accounts := b.extract()
	var got []string
	for i := range 5 {
		a := accounts[fmt.Sprintf("%d.csv/%s", i, lake.Unparsed)]
		got = append(got, fmt.Sprintf("%d,%d", a.Quarantined, a.Forgotten))
	}
	if want := "1,0 0,1 0,1 1,0 0,1"; strings.Join(got, " ") != want {
		t.Errorf("refused and left out: %v, want %s", got, want)
	}
}
