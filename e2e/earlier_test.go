package e2e

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// untar unpacks an archive with the links that are in it.
func untar(t *testing.T, archive, dir string) {
	t.Helper()
	f, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, filepath.FromSlash(h.Name))
		switch h.Typeflag {
		case tar.TypeDir:
			err = os.MkdirAll(path, 0o755)
		case tar.TypeSymlink:
			err = os.Symlink(h.Linkname, path)
		case tar.TypeLink:
			err = os.Link(filepath.Join(dir, filepath.FromSlash(h.Linkname)), path)
		default:
			var text []byte
			if text, err = io.ReadAll(r); err == nil {
				err = os.WriteFile(path, text, 0o644)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A data directory that an earlier version made is opened: its night, its tables, its
// models and its quarantine; and the next night goes on from it.
//
// testdata/earlier-format2.tar.gz was made by the last commit before ledger format 3, with
//
//	mainstay generate --dir incoming --customers 15 --products 20 --categories 4 --start 2023-03-01 --end 2023-07-03 --truth=false --dirt 0.03
//	mainstay run --as-of 2023-06-20
//
// where the files of 2023-07 came into later/, and the mainstay.yaml that is in it. It is
// never made anew: a later format gets an archive of its own.
func TestEarlierDataDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	untar(t, filepath.Join("testdata", "earlier-format2.tar.gz"), dir)
	data := filepath.Join(dir, "data")
	if got := query(t, data, "SELECT max(as_of)::VARCHAR FROM customer_features"); got != "2023-06-20" {
		t.Fatalf("the archive shows %q", got)
	}
	before := files(t, data, "2023-06-20")
	old, err := os.ReadFile(filepath.Join(data, "ledger.sqlite"))
	if err != nil {
		t.Fatal(err)
	}
	mainstay(t, nil, "doctor", "--data", data, "--project", t.TempDir()).ok(t).has(t, "format 2 of an earlier version")
	if now, err := os.ReadFile(filepath.Join(data, "ledger.sqlite")); err != nil || string(now) != string(old) {
		t.Errorf("the doctor has changed the ledger (%v)", err)
	}
	mainstay(t, nil, "nights", "--data", data).ok(t).has(t, "2023-06-20", "published")
	mainstay(t, nil, "nights", "show", "1", "--data", data).ok(t).has(t, "customer_features")
	mainstay(t, nil, "models", "list", "--data", data).ok(t).has(t, "cross_sell", "2023-06-20")
	mainstay(t, nil, "quarantine", "list", "--data", data).ok(t).has(t, "missing_customer_id")
	mainstay(t, nil, "repair", "--data", data).ok(t).has(t, "sound", "knows 1 nights")
	mainstay(t, nil, "gc", "--project", dir, "--dry-run").ok(t)
	mainstay(t, nil, "publish", "rollback", "--data", data, "1").ok(t)

	for _, table := range []string{"orders", "interactions"} {
		copyTree(t, filepath.Join(dir, "later", table+".csv"), filepath.Join(dir, "incoming", table, "2023-07.csv"))
	}
	mainstay(t, nil, "run", "--project", dir, "--as-of", "2023-07-02").published(t)
	if got := query(t, data, "SELECT string_agg(as_of::VARCHAR, ' ' ORDER BY as_of) FROM nights"); got != "2023-06-20 2023-07-02" {
		t.Errorf("published are %q", got)
	}
	if got := query(t, data, "SELECT count(*) FROM row_accounts WHERE kind = 'input'"); got != "10" {
		t.Errorf("%s inputs are accounted for, wanted the 8 of before and 2 new ones", got)
	}
	after := files(t, data, "2023-06-20")
	if len(before) < 40 || len(after) != len(before) {
		t.Errorf("the earlier night has %d tables, had %d", len(after), len(before))
	}
	for name, sum := range before {
		if after[name] != sum {
			t.Errorf("table %s of the earlier night has changed", name)
		}
	}
}

// A ledger of a format that this version does not know is refused, and left as it is.
func TestNewerDataDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	untar(t, filepath.Join("testdata", "earlier-format2.tar.gz"), dir)
	path := filepath.Join(dir, "data", "ledger.sqlite")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text[63] = 99 // the last byte of SQLite's user_version
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	r := mainstay(t, nil, "run", "--project", dir, "--as-of", "2023-07-02")
	if r.code != 1 || !strings.Contains(r.stderr, "99") {
		t.Errorf("exit code %d: %s", r.code, r.stderr)
	}
	if now, err := os.ReadFile(path); err != nil || string(now) != string(text) {
		t.Errorf("the ledger was changed: %v", err)
	}
}
