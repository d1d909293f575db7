package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestDigest(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "f")
	write(t, path, "abc")
	sum, size, err := Digest(path)
	if err != nil || size != 3 || sum != "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" {
		t.Errorf("got %s, %d, %v", sum, size, err)
	}
	if _, _, err := Digest(path + "x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: got %v", err)
	}
	if _, _, err := Digest(filepath.Dir(path)); err == nil {
		t.Error("a directory has a digest")
	}
}

func TestMove(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	from, to := filepath.Join(dir, "new"), filepath.Join(dir, "a", "b", "c", "final")
	for _, content := range []string{"one", "two"} { // to a new folder, then over a file
		write(t, from, content)
		if err := Move(from, to); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(to); err != nil || string(got) != content {
			t.Errorf("got %q, %v, want %q", got, err, content)
		}
		if _, err := os.Stat(from); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the old name is still there: %v", err)
		}
	}
	if err := Move(from, to); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing to move: got %v", err)
	}
	if got, err := os.ReadFile(to); err != nil || string(got) != "two" {
		t.Errorf("a move that failed touched the file: %q, %v", got, err)
	}
	write(t, from, "three")
	if err := Move(from, filepath.Join(to, "below a file")); err == nil {
		t.Error("moved below a file")
	}
	if _, err := os.Stat(from); err != nil {
		t.Errorf("a move that failed lost the file: %v", err)
	}
}

// Who holds the old file keeps reading it.
func TestMoveLeavesReadersAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	from, to := filepath.Join(dir, "new"), filepath.Join(dir, "final")
	write(t, to, "old")
	f, err := os.Open(to)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	write(t, from, "new")
	if err := Move(from, to); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 10)
	if n, err := f.ReadAt(got, 0); string(got[:n]) != "old" {
		t.Errorf("got %q, %v", got[:n], err)
	}
}

func TestMkdirAll(t *testing.T) {

	dir := t.TempDir()
	t.Run("relative", func(t *testing.T) {
		t.Chdir(dir)
		if err := MkdirAll(filepath.Join("x", "y")); err != nil {
			t.Fatal(err)
		}
	})
	for _, d := range []string{dir, filepath.Join(dir, "x", "y"), filepath.Join(dir, "p", "q", "r"), "/"} {
		if err := MkdirAll(d); err != nil {
			t.Fatal(err)
		}
		if st, err := os.Stat(d); err != nil || !st.IsDir() {
			t.Errorf("%s: %v, %v", d, st, err)
		}
	}
	file := filepath.Join(dir, "file")
	write(t, file, "")
	for _, d := range []string{file, filepath.Join(file, "below")} {
		if err := MkdirAll(d); err == nil {
			t.Errorf("%s: a file stands in the way and there is no error", d)
		}
	}
	if err := Sync(filepath.Join(dir, "gone")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Sync of nothing: got %v", err)
	}
}
