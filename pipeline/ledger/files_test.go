package ledger

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

// batch makes an extraction of inputs (by name), each with an account that adds up
// and a file.
func (b *testBundle) batch(night int64, names ...string) Batch {
	b.Helper()
	id, input, err := b.NextIDs(b.ctx)
	b.must(err)
	bt := Batch{ID: id, Source: "shop", AsOf: "2024-03-01", Night: night, RepeatedKeys: map[string]int64{"orders": 1}}
	for i, name := range names {
		in := Input{ID: input + int64(i), Source: "shop", Name: name, Version: fmt.Sprintf("v%d", id), Size: 10, ModifiedAt: time.Date(2024, 2, 1, 0, 0, 0, 1000, time.UTC), Rows: 6, Batch: id, AsOf: bt.AsOf}
		bt.Inputs = append(bt.Inputs, in)
		bt.Accounts = append(bt.Accounts, Account{Input: in, Table: "orders", Read: 6, Stored: 3, Duplicates: 2, Quarantined: 1})
	}
	day := time.Date(2024, 2, 3, 4, 5, 6, 7000, time.UTC)
	bt.Files = []LakeFile{{Path: fmt.Sprintf("lake/orders/day=2024-02-03/%d.parquet", id), Table: "orders", Day: "2024-02-03", Batch: id, Rows: 3, Bytes: 99, SHA256: "5a", MinEvent: day, MaxEvent: day}}
	return bt
}

// content is all that the ledger says about extractions.
func (b *testBundle) content() string {
	b.Helper()
	inputs, err := b.Inputs(b.ctx, "shop")
	b.must(err)
	accounts, err := b.Accounts(b.ctx)
	b.must(err)
	files, err := b.LakeFiles(b.ctx, "orders")
	b.must(err)
	replaced, err := b.ReplacedInputs(b.ctx)
	b.must(err)
	repeated, err := b.RepeatedKeys(b.ctx, "orders")
	b.must(err)
	batch, input, err := b.NextIDs(b.ctx)
	b.must(err)
	return fmt.Sprintf("inputs %+v\naccounts %+v\nfiles %+v\nreplaced %v repeated %d next %d %d", inputs, accounts, files, replaced, repeated, batch, input)
}

func TestCommitBatch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	night := b.begin("2024-03-01")
	first := b.batch(night, "b.csv", "a.csv")
	b.must(b.CommitBatch(b.ctx, first))
	inputs, err := b.Inputs(b.ctx, "shop")
	b.must(err)
	if want := []Input{first.Inputs[1], first.Inputs[0]}; !reflect.DeepEqual(inputs, want) {
		t.Errorf("inputs, by name:\n got %+v\nwant %+v", inputs, want)
	}
	accounts, err := b.Accounts(b.ctx)
	b.must(err)
	if want := []Account{first.Accounts[1], first.Accounts[0]}; !reflect.DeepEqual(accounts, want) {
		t.Errorf("accounts:\n got %+v\nwant %+v", accounts, want)
	}
	if files, err := b.LakeFiles(b.ctx, "orders"); err != nil || !reflect.DeepEqual(files, first.Files) {
		t.Errorf("files: got %+v, %v", files, err)
	}
	for _, none := range []string{"interactions", ""} {
		if files, err := b.LakeFiles(b.ctx, none); err != nil || files != nil {
			t.Errorf("files of %q: got %v, %v", none, files, err)
		}
		if n, err := b.RepeatedKeys(b.ctx, none); err != nil || n != 0 {
			t.Errorf("repeated keys of %q: got %d, %v", none, n, err)
		}
	}
}

func TestReplacedInputs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	night := b.begin("2024-03-01")
	b.must(b.CommitBatch(b.ctx, b.batch(night, "a.csv", "b.csv")))
	second := b.batch(night, "b.csv", "c.csv")
	b.must(b.CommitBatch(b.ctx, second))
	other := b.batch(night, "a.csv") // of another source: another input
	other.Source = "web"
	b.must(b.CommitBatch(b.ctx, other))
	inputs, err := b.Inputs(b.ctx, "shop")
	b.must(err)
	var got []string
	for _, in := range inputs {
		got = append(got, fmt.Sprintf("%d %s %s", in.ID, in.Name, in.Version))
	}
	if s := strings.Join(got, ", "); s != "1 a.csv v1, 3 b.csv v2, 4 c.csv v2" {
		t.Errorf("current inputs: got %s", s)
	}
	if ids, err := b.ReplacedInputs(b.ctx); err != nil || !reflect.DeepEqual(ids, []int64{2}) {
		t.Errorf("replaced: got %v, %v", ids, err)
	}
	accounts, err := b.Accounts(b.ctx)
	b.must(err)
	replaced := 0
	for _, a := range accounts {
		if a.Input.Replaced {
			replaced++
		}
	}
	if len(accounts) != 5 || replaced != 1 {
		t.Errorf("accounts: got %d, %d of them replaced; the past is kept", len(accounts), replaced)
	}
	if n, err := b.RepeatedKeys(b.ctx, "orders"); err != nil || n != 3 {
		t.Errorf("repeated keys add up: got %d, %v", n, err)
	}
}

// Whatever is wrong with a batch, nothing of it stays.
func TestCommitBatchIsAllOrNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		harm func(*Batch)
		want string
	}{
		"account does not add up": {func(bt *Batch) { bt.Accounts[1].Stored++ }, "row account of c.csv, table orders (read 6, stored 4, duplicates 2, quarantined 1)"},
		"account twice":           {func(bt *Batch) { bt.Accounts = append(bt.Accounts, bt.Accounts[0]) }, "row account of b.csv"},
		"account of no input":     {func(bt *Batch) { bt.Accounts[0].Input.ID = 99 }, "row account of b.csv"},
		"file twice":              {func(bt *Batch) { bt.Files = append(bt.Files, bt.Files[0]) }, "file lake/orders"},
		"file without events":     {func(bt *Batch) { bt.Files[0].MinEvent = time.Time{} }, "file lake/orders"},
		"input twice":             {func(bt *Batch) { bt.Inputs = append(bt.Inputs, bt.Inputs[0]) }, "input b.csv"},
		"id in use":               {func(bt *Batch) { bt.ID = 1 }, "source shop"},
		"no such night":           {func(bt *Batch) { bt.Night = 99 }, "source shop"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			night := b.begin("2024-03-01")
			b.must(b.CommitBatch(b.ctx, b.batch(night, "a.csv", "b.csv")))
			before := b.content()
			bt := b.batch(night, "b.csv", "c.csv")
			c.harm(&bt)
			err := b.CommitBatch(b.ctx, bt)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "committing extraction of source shop") {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if after := b.content(); after != before {
				t.Errorf("something stayed:\n%s\nbefore:\n%s", after, before)
			}
			b.must(b.CommitBatch(b.ctx, b.batch(night, "b.csv", "c.csv"))) // and the ledger works on
		})
	}
}
