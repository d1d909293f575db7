package push

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// What a push that was killed left is found at once, and that of one that works never.
func TestLeftovers(t *testing.T) {
	t.Parallel()
	root := filepath.Join(t.TempDir(), "push.tmp")
	if left, used, err := Leftovers(root); err != nil || len(left)+len(used) > 0 {
		t.Errorf("no directory yet: %v, %v, %v", left, used, err)
	}
	dir, release, err := scratch(root)
	if err != nil {
		t.Fatal(err)
	}
	killed := filepath.Join(root, "push-1")
	if err := os.MkdirAll(killed, 0o755); err != nil {
		t.Fatal(err)
	}
	left, used, err := Leftovers(root)
	if err != nil || !slices.Equal(left, []string{"push-1"}) || !slices.Equal(used, []string{filepath.Base(dir)}) {
		t.Errorf("got %v and %v in use, %v", left, used, err)
	}
	other, releaseOther, err := scratch(root)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(killed); !os.IsNotExist(err) {
		t.Errorf("what was left is there: %v", err)
	}
	if _, err := os.Stat(dir); err != nil || dir == other {
		t.Errorf("another push took what the first works in: %v", err)
	}
	for _, f := range []func() error{release, releaseOther} {
		if err := f(); err != nil {
			t.Error(err)
		}
	}
	if entries, err := os.ReadDir(root); err != nil || len(entries) > 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}
