package ledger

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// work does some of everything that a night writes.
func (b *testBundle) work(dice *rand.Rand, nights int) {
	b.Helper()
	for range nights {
		lease, err := b.Acquire(b.ctx, "night")
		b.must(err)
		b.clock = b.clock.Add(24 * time.Hour)
		asOf := b.clock.Format(time.DateOnly)
		id := b.begin(asOf)
		batch, input, err := b.NextIDs(b.ctx)
		b.must(err)
		in := Input{ID: input, Source: "shop", Name: fmt.Sprintf("f%d.csv", dice.IntN(3)), Version: fmt.Sprint(dice.Uint64()), Size: dice.Int64N(1 << 40), ModifiedAt: b.clock}
		f := LakeFile{Path: fmt.Sprintf("lake/orders/b%06d.parquet", batch), Table: "orders", Day: asOf, Rows: 3, SHA256: fmt.Sprint(dice.Uint64()), MinEvent: b.clock, MaxEvent: b.clock}
		cert := Certificate{Table: "orders", SourceSum: "5", LakeSum: "5", Chunks: []Chunk{{SourceSum: "5", LakeSum: "5"}}}
		b.must(b.CommitBatch(b.ctx, Batch{ID: batch, Source: "shop", AsOf: asOf, Night: id, Inputs: []Input{in}, Files: []LakeFile{f},
			Accounts: []Account{{Input: in, Table: "orders", Read: 5, Stored: 3, Duplicates: 1, Quarantined: 1}}, RepeatedKeys: map[string]int64{"orders": 1}, States: map[string]string{"orders": asOf + " \u00e4 '\"\\\n"}, Certificates: []Certificate{cert}}))
		if files, err := b.LakeFiles(b.ctx, "orders"); err != nil || len(files) > 2 {
			b.must(err)
			merged := files[0]
			merged.Path, merged.Origin = fmt.Sprintf("lake/orders/m%06d.parquet", batch), "a\nb\n"
			b.must(b.ReplaceLakeFiles(b.ctx, files, merged))
		}
		for range dice.IntN(4) {
			b.must(b.CommitArtifact(b.ctx, Artifact{Key: fmt.Sprint("k", dice.IntN(9)), Table: "t", Path: "p", SHA256: fmt.Sprint(dice.Uint64()), Rows: dice.Int64(), Night: id}))
		}
		b.must(b.RecordJob(b.ctx, id, JobResult{Name: "j", Status: JobDone, Rows: 7, Seconds: dice.Float64()}))
		b.must(b.RecordJob(b.ctx, id, JobResult{Name: "j", Status: JobDone, Rows: 8, Seconds: 2}))
		b.must(b.RecordChecks(b.ctx, id, []CheckResult{{Table: "t", Name: "c", Severity: "warn", Detail: "x"}}))
		if err := b.CommitBatch(b.ctx, Batch{ID: batch, Source: "shop"}); err == nil { // refused: nothing of it may be in the log
			b.Fatal("a batch was committed twice")
		}
		b.must(b.Publishing(b.ctx, Night{ID: id, AsOf: asOf, Directory: "d"}, "w", []NightTable{{Name: "t", SHA256: "s", Rows: dice.Int64N(99)}}))
		b.must(b.End(b.ctx, Night{ID: id, Status: Published, Directory: "d"}))
		b.must(lease.Release())
	}
}

// content is all that a ledger holds, by table.
func content(t *testing.T, dir string) map[string]string {
	t.Helper()
	db, err := sql.Open("sqlite", dsn(filepath.Join(dir, FileName)))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tables, err := shapes(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, name := range sortedTables(tables) {
		if out[name], err = rowsDigest(t.Context(), db, name, tables[name]); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func (b *testBundle) mustHold(want map[string]string, what string) {
	b.Helper()
	for name, digest := range content(b.T, b.dir) {
		if want[name] != digest {
			b.Errorf("%s: table %s is not what it was", what, name)
		}
	}
}

func (b *testBundle) repair() Repaired {
	b.Helper()
	r, err := Repair(b.ctx, b.dir, RepairOptions{Now: b.clock})
	b.must(err)
	return r
}

// Whatever is done to the file, a ledger that is used after it says that it is damaged, and
// what is rebuilt is what it was. The last word may be one that nobody but the redo log
// heard.
func TestRepair(t *testing.T) {
	t.Parallel()
	name := func(b *testBundle) string { return filepath.Join(b.dir, FileName) }
	rewrite := func(b *testBundle, f func([]byte) []byte) {
		text, err := os.ReadFile(name(b))
		b.must(err)
		b.must(os.WriteFile(name(b), f(text), 0o644))
	}
	for what, harm := range map[string]func(*testBundle){
		"deleted":    func(b *testBundle) { b.must(os.Remove(name(b))) },
		"empty":      func(b *testBundle) { b.must(os.Truncate(name(b), 0)) },
		"a head":     func(b *testBundle) { b.must(os.Truncate(name(b), 50)) },
		"half of it": func(b *testBundle) { rewrite(b, func(x []byte) []byte { return x[:len(x)/2] }) },
		"zeros":      func(b *testBundle) { rewrite(b, func(x []byte) []byte { return make([]byte, len(x)) }) },
		"random bytes": func(b *testBundle) {
			rewrite(b, func(x []byte) []byte {
				for range 40 {
					x[rand.IntN(len(x))] ^= 0xff
				}
				return x
			})
		},
		"one bit": func(b *testBundle) {
			rewrite(b, func(x []byte) []byte { x[rand.IntN(len(x))] ^= 1; return x })
		},
		"other names after a crash": func(b *testBundle) { // SQLite finds nothing wrong with it
			b.must(os.Remove(filepath.Join(b.dir, RedoDir, "ledger.sum")))
			rewrite(b, func(x []byte) []byte { return bytes.ReplaceAll(x, []byte(".csv"), []byte(".csw")) })
		},
		"an old copy": func(b *testBundle) { b.must(os.Rename(name(b)+".old", name(b))) },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			dice := rand.New(rand.NewPCG(1, 1))
			b.work(dice, 3)
			rewrite(b, func(x []byte) []byte { b.must(os.WriteFile(name(b)+".old", x, 0o644)); return x })
			b.work(dice, 3)
			b.must(b.Close())
			want := content(t, b.dir)
			if r := b.repair(); r.Damage != nil || r.Renewed {
				t.Fatalf("a sound ledger was repaired: %+v", r)
			}
			harm(b)
			l, err := Open(b.ctx, b.dir, nil)
			if err == nil {
				_, err = l.Acquire(b.ctx, "the next night")
				b.must(l.Close())
			}
			var damaged *DamagedError
			if !errors.As(err, &damaged) || !strings.Contains(err.Error(), "mainstay repair --data "+b.dir) || !strings.Contains(err.Error(), name(b)) {
				t.Fatalf("got %v, want a *DamagedError that names the file and what to do", err)
			}
			if r, err := Repair(b.ctx, b.dir, RepairOptions{DryRun: true, Now: b.clock}); err != nil || r.Damage == nil {
				t.Errorf("dry run: %+v, %v", r, err)
			}
			r := b.repair()
			if r.Damage == nil || r.History.Lost != 0 {
				t.Errorf("got %+v", r)
			}
			b.mustHold(want, "rebuilt")
			if r := b.repair(); r.Damage != nil || r.Renewed {
				t.Errorf("repaired a second time: %+v", r)
			}
			b.Ledger, err = Open(b.ctx, b.dir, func() time.Time { return b.clock })
			b.must(err)
			b.work(dice, 1)
		})
	}
}

// A redo log that is damaged or gone is written anew from a sound ledger.
func TestRepairRedoLog(t *testing.T) {
	t.Parallel()
	for what, harm := range map[string]func(*testBundle, string){
		"deleted":  func(b *testBundle, path string) { b.must(os.Remove(path)) },
		"empty":    func(b *testBundle, path string) { b.must(os.Truncate(path, 0)) },
		"cut":      func(b *testBundle, path string) { b.must(os.Truncate(path, 3000)) },
		"one byte": func(b *testBundle, path string) { flip(b.T, path, 5000) },
		"its head": func(b *testBundle, path string) { flip(b.T, path, 9) },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			dice := rand.New(rand.NewPCG(2, 2))
			b.work(dice, 3)
			want := content(t, b.dir)
			harm(b, filepath.Join(b.dir, RedoDir, "000001.jsonl"))
			if r := b.repair(); r.Damage != nil || !r.Renewed {
				t.Errorf("got %+v, want a new redo log", r)
			}
			b.mustHold(want, "after the redo log was written anew")
			b.work(dice, 2)
			want = content(t, b.dir)
			b.must(b.Close())
			b.must(os.Remove(filepath.Join(b.dir, FileName)))
			b.repair()
			b.mustHold(want, "from the new redo log")
		})
	}
}

func flip(t *testing.T, path string, at int) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil || len(text) <= at {
		t.Fatalf("%d bytes, %v", len(text), err)
	}
	text[at] ^= 1
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
}

// Without being repaired, a night begins a new redo log where the old one cannot be used.
func TestRedoLogBegunAnew(t *testing.T) {
	t.Parallel()
	b := setup(t)
	dice := rand.New(rand.NewPCG(3, 3))
	b.work(dice, 2)
	b.must(os.Truncate(filepath.Join(b.dir, RedoDir, "000001.jsonl"), 3000))
	b.work(dice, 2)
	want := content(t, b.dir)
	b.must(b.Close())
	b.must(os.Remove(filepath.Join(b.dir, FileName)))
	b.repair()
	b.mustHold(want, "from the new redo log")
}

// A crash leaves, behind the last transaction, one that only the redo log knows, or a line
// that is cut short; neither is in the way of what comes later.
func TestRedoLogAfterCrash(t *testing.T) {
	t.Parallel()
	b := setup(t)
	dice := rand.New(rand.NewPCG(4, 4))
	b.work(dice, 1)
	path := filepath.Join(b.dir, RedoDir, "000001.jsonl")
	for _, cut := range []bool{false, true} {
		before, err := os.ReadFile(filepath.Join(b.dir, FileName))
		b.must(err)
		lost := Artifact{Key: "lost", Path: "p"}
		lost.Night = 1
		b.must(b.CommitArtifact(b.ctx, lost))
		b.must(b.Close())
		b.must(os.WriteFile(filepath.Join(b.dir, FileName), before, 0o644))
		if cut {
			text, err := os.ReadFile(path)
			b.must(err)
			b.must(os.WriteFile(path, text[:len(text)-9], 0o644))
		}
		b.Ledger, err = Open(b.ctx, b.dir, func() time.Time { return b.clock })
		b.must(err)
		b.work(dice, 1)
	}
	want := content(t, b.dir)
	b.must(b.Close())
	b.must(os.Remove(filepath.Join(b.dir, FileName)))
	if r := b.repair(); r.History.Lost != 0 {
		t.Errorf("%d lines are said to be lost", r.History.Lost)
	}
	b.mustHold(want, "after crashes")
}

// When ledger and redo log are both damaged, what comes before the damage is rebuilt, what
// is lost is said, and numbers that files bear are not given again.
func TestRepairWithALoss(t *testing.T) {
	t.Parallel()
	b := setup(t)
	dice := rand.New(rand.NewPCG(5, 5))
	b.work(dice, 2)
	at, err := os.Stat(filepath.Join(b.dir, RedoDir, "000001.jsonl"))
	b.must(err)
	want := content(t, b.dir)
	b.work(dice, 3)
	b.must(b.Close())
	b.must(os.Remove(filepath.Join(b.dir, FileName)))
	flip(t, filepath.Join(b.dir, RedoDir, "000001.jsonl"), int(at.Size())+30)
	r, err := Repair(b.ctx, b.dir, RepairOptions{Now: b.clock, Nights: 5, Batches: 5})
	b.must(err)
	if r.History.Lost < 10 || r.Damage == nil {
		t.Errorf("got %+v, want that lines were lost", r.History)
	}
	b.mustHold(want, "what came before the damage")
	b.Ledger, err = Open(b.ctx, b.dir, func() time.Time { return b.clock })
	b.must(err)
	if id := b.begin("2024-06-01"); id != 6 {
		t.Errorf("the next night has number %d, want 6", id)
	}
}

func TestRepairWithoutAnything(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.work(rand.New(rand.NewPCG(6, 6)), 1)
	b.must(b.Close())
	b.must(os.RemoveAll(filepath.Join(b.dir, RedoDir)))
	b.must(os.Remove(filepath.Join(b.dir, FileName)))
	b.must(os.MkdirAll(filepath.Join(b.dir, "lake", "orders"), 0o755))
	if _, err := Open(b.ctx, b.dir, nil); err == nil || !strings.Contains(err.Error(), "backup") {
		t.Errorf("got %v, want that a backup is needed", err)
	}
	if _, err := Repair(b.ctx, b.dir, RepairOptions{}); err == nil || !strings.Contains(err.Error(), "backup") {
		t.Errorf("got %v, want that a backup is needed", err)
	}
}

// While a night runs nothing is repaired.
func TestRepairBesideANight(t *testing.T) {
	t.Parallel()
	b := setup(t)
	lease, err := b.Acquire(b.ctx, "night")
	b.must(err)
	if _, err := Repair(b.ctx, b.dir, RepairOptions{}); err == nil || !strings.Contains(err.Error(), "in use by another process") {
		t.Errorf("got %v", err)
	}
	b.must(lease.Release())
	b.repair()
}

// Every table can be told by its key: without one the redo log could not say which row
// goes.
func TestEveryTableHasAKey(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tables, err := shapes(context.Background(), b.db.DB)
	b.must(err)
	if len(tables) < 10 {
		t.Errorf("only %d tables", len(tables))
	}
	for name, s := range tables {
		if len(s.key) == 0 {
			t.Errorf("table %s has no primary key", name)
		}
	}
}
