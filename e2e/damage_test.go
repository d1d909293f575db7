package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/longtest"
)

func containsAll(text string, parts ...string) bool {
	for _, p := range parts {
		if !strings.Contains(text, p) {
			return false
		}
	}
	return true
}

// A ledger that was deleted, cut short or written over, or that has a journal that was: a
// night stops and names what to do, readers go on, and after the repair the next night is
// what it is without.
func TestDamagedLedger(t *testing.T) {
	t.Parallel()
	longtest.Only(t)
	s := newCrashShop(t)
	name := func(data string) string { return filepath.Join(data, "ledger.sqlite") }
	write := func(t *testing.T, path string, text []byte) {
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for what, harm := range map[string]func(t *testing.T, data string){
		"deleted": func(t *testing.T, data string) { _ = os.Remove(name(data)) },
		"cut short": func(t *testing.T, data string) {
			text, _ := os.ReadFile(name(data))
			write(t, name(data), text[:len(text)/3])
		},
		"random bytes": func(t *testing.T, data string) {
			text, _ := os.ReadFile(name(data))
			dice := rand.New(rand.NewPCG(1, 9))
			for range 100 {
				text[dice.IntN(len(text))] = byte(dice.Uint32())
			}
			write(t, name(data), text)
		},
		// A journal that looks as if a transaction had died: SQLite rolls back what it says.
		"random journal": func(t *testing.T, data string) {
			head := []byte{0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7, 0, 0, 0, 9, 1, 2, 3, 4, 0, 0, 0, 3, 0, 0, 2, 0, 0, 0, 0x10, 0}
			rest := make([]byte, 50_000)
			dice := rand.New(rand.NewPCG(2, 9))
			for i := range rest {
				rest[i] = byte(dice.Uint32())
			}
			write(t, name(data)+"-journal", append(append(head, make([]byte, 512-len(head))...), rest...))
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			if what == "cut short" || what == "random journal" { // the gate takes one that is gone and one that is there
				longtest.Thorough(t)
			}
			data := s.copy(t)
			harm(t, data)
			if r := s.run(t, data); r.code != 1 || !containsAll(r.stderr, name(data)+" is damaged", "mainstay repair --data "+data) {
				t.Errorf("exit code %d, want 1, which file is damaged and what to do: %s", r.code, r.stderr)
			}
			s.readable(t, data, what)
			if r := mainstay(t, nil, "repair", "--data", data, "--dry-run"); r.code != 1 || !containsAll(r.stdout, "can be rebuilt from redo/") {
				t.Errorf("dry run: exit code %d: %s%s", r.code, r.stdout, r.stderr)
			}
			mainstay(t, nil, "repair", "--data", data).ok(t).has(t, "rebuilt from redo/")
			s.readable(t, data, what+", repaired")
			s.recovers(t, data, what+", repaired")
		})
	}
}

// A flipped bit in what a night makes by itself is noticed, named and mended; in the lake it
// stops the night, which says how to restore the file.
func TestFlippedBits(t *testing.T) {
	t.Parallel()
	longtest.Only(t)
	s := newCrashShop(t)
	one := func(t *testing.T, data string, pattern ...string) string {
		t.Helper()
		found, err := filepath.Glob(filepath.Join(append([]string{data}, pattern...)...))
		if err != nil || len(found) == 0 {
			t.Fatalf("nothing matches %v (%v)", pattern, err)
		}
		return found[0]
	}
	t.Run("what a night makes", func(t *testing.T) {
		t.Parallel()
		data := filepath.Join(t.TempDir(), "data")
		copyTree(t, s.calm, data)
		var flipped []string
		for _, pattern := range [][]string{{"snapshots", "customer_features", "cutoff=2023-04-01", "*"}, {"snapshots", "churn_labels", "*", "*"}, {"models", "churn", "*.model"},
			{"models", "cross_sell", "*.json"}, {"results", "churn_scores", "as_of=" + crashNight, "*"}, {"results", "customer_360", "as_of=" + crashNight, "*"}, {"results", "nights", "as_of=" + crashNight, "*"}} {
			path := one(t, data, pattern...)
			flip(t, path)
			flipped = append(flipped, path)
		}
		r := s.run(t, data).published(t)
		for _, path := range flipped {
			if rel, _ := filepath.Rel(data, path); !strings.Contains(r.stderr, rel) {
				t.Errorf("%s is not named: %s", rel, r.stderr)
			}
		}
		same(t, "the same night, mended", s.after, files(t, data, crashNight))
	})
	t.Run("the lake", func(t *testing.T) {
		t.Parallel()
		data := s.copy(t)
		path := one(t, data, "lake", "orders", "day=2023-03", "b000001*")
		flip(t, path)
		if r := s.run(t, data); r.code != 1 || !containsAll(r.stderr, path+", of table orders, is damaged", "backup", "repair --extract-again") {
			t.Errorf("exit code %d, want 1, which file is damaged and what to do: %s", r.code, r.stderr)
		}
		s.readable(t, data, "with a damaged lake")
		if r := mainstay(t, nil, "repair", "--data", data); r.code != 1 || !strings.Contains(r.stdout, path) {
			t.Errorf("repair: exit code %d: %s", r.code, r.stdout)
		}
		again := filepath.Join(t.TempDir(), "again")
		copyTree(t, data, again)
		copyTree(t, filepath.Join(s.base, strings.TrimPrefix(path, data)), path) // from a backup
		s.recovers(t, data, "with the file restored")
		mainstay(t, nil, "repair", "--data", again, "--extract-again").ok(t).has(t, "2023-03.csv is read again")
		s.run(t, again).published(t)
		const facts = "SELECT md5(string_agg(t::VARCHAR, ';' ORDER BY t::VARCHAR)) FROM customer_features AS t"
		if got, want := query(t, again, facts), query(t, s.calm, facts); got != want {
			t.Errorf("extracted again, the features are %s, want %s", got, want)
		}
	})
	t.Run("what was published", func(t *testing.T) {
		t.Parallel()
		data := filepath.Join(t.TempDir(), "data")
		copyTree(t, s.calm, data)
		path := one(t, data, "tables", "as_of="+crashBefore, "churn_scores.parquet")
		flip(t, path)
		later := s.project(t)
		for day := 9; day <= 16; day++ { // until the outcome of the scores is known
			later.deliver(t, fmt.Sprintf("2023-06-%02d", day))
		}
		r := mainstay(t, nil, "run", "--project", later.dir, "--data", data, "--as-of", "2023-06-17")
		if r.code != 4 || !containsAll(r.stderr, path+" is damaged", "mainstay run --as-of "+crashBefore) {
			t.Errorf("exit code %d, want 4, which file is damaged and what to do: %s", r.code, r.stderr)
		}
	})
}
