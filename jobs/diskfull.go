package jobs

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
)

// DiskFullError says that the data directory's disk is full.
type DiskFullError struct {
	Dir         string
	Free, Total uint64 // bytes; 0 when they cannot be told
	Err         error
}

// Error names the disk and what to do.
func (e *DiskFullError) Error() string {
	space := ""
	if e.Total > 0 {
		space = fmt.Sprintf(" (%.1f of %.1f MB are free)", float64(e.Free)/1e6, float64(e.Total)/1e6)
	}
	return fmt.Sprintf("the disk of %s is full%s: make space, `mainstay gc --data %s` removes what nothing needs; then run again, it goes on where it was. What was published last stands.\n%v", e.Dir, space, e.Dir, e.Err)
}

// Unwrap gives what could not be written.
func (e *DiskFullError) Unwrap() error { return e.Err }

// diskFull marks an error that says that a disk is full. DuckDB and SQLite tell it in words
// only.
func diskFull(dir string, err error) error {
	var already *DiskFullError
	if err == nil || errors.As(err, &already) {
		return err
	}
	full := errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
	text := strings.ToLower(err.Error())
	for _, word := range []string{"no space left on device", "disk is full", "disk quota exceeded", "failed to offload data block"} {
		full = full || strings.Contains(text, word)
	}
	if !full {
		return err
	}
	out := &DiskFullError{Dir: dir, Err: err}
	var st syscall.Statfs_t
	if syscall.Statfs(dir, &st) == nil {
		out.Free, out.Total = st.Bavail*uint64(st.Bsize), st.Blocks*uint64(st.Bsize)
	}
	return out
}
