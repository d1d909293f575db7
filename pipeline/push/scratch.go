package push

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// forgotten is how old scratch files are that nobody can be using any more, where the file
// system has no locks.
const forgotten = 25 * time.Hour

// scratch makes a directory of this push's own, locked for as long as it works, and removes
// those that pushes left which were killed.
func scratch(root string) (dir string, release func() error, err error) {
	if err := os.MkdirAll(root, 0o755); err != nil {
		return "", nil, fmt.Errorf("making the scratch directory: %w", err)
	}
	left, _, err := Leftovers(root)
	if err != nil {
		return "", nil, err
	}
	for _, name := range left {
		_ = os.RemoveAll(filepath.Join(root, name)) // the next push tries again
	}
	if dir, err = os.MkdirTemp(root, "push-"); err != nil {
		return "", nil, fmt.Errorf("making the scratch directory: %w", err)
	}
	f, err := os.Open(dir)
	if err != nil {
		return "", nil, fmt.Errorf("opening the scratch directory: %w", err)
	}
	_ = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) // without locks its age must do
	return dir, func() error { return errors.Join(os.RemoveAll(dir), f.Close()) }, nil
}

// Leftovers are the names below a directory for files on their way (Options.Scratch) that
// no push works in: those that were killed left them. inUse are the others.
func Leftovers(root string) (left, inUse []string, err error) {
	entries, err := os.ReadDir(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("reading the scratch directory of pushes: %w", err)
	}
	for _, e := range entries {
		if used, err := used(filepath.Join(root, e.Name())); err != nil {
			return nil, nil, err
		} else if used {
			inUse = append(inUse, e.Name())
		} else {
			left = append(left, e.Name())
		}
	}
	return left, inUse, nil
}

// used tells whether a push works in a directory.
func used(dir string) (bool, error) {
	f, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil // it is over by now, and its own to remove
	}
	if err != nil {
		return false, fmt.Errorf("looking whether a push works in %s: %w", dir, err)
	}
	defer f.Close()
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil || errors.Is(err, syscall.EWOULDBLOCK) {
		return err != nil, nil
	}
	st, err := f.Stat()
	if err != nil {
		return false, fmt.Errorf("looking whether a push works in %s: %w", dir, err)
	}
	return time.Since(st.ModTime()) <= forgotten, nil
}
