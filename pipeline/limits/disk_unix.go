//go:build linux || darwin || freebsd

package limits

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"
)

// Free is what is free for the user on the file system of a path, or of the nearest
// directory above it that is there: bytes and, where they are counted, inodes (else -1).
func Free(path string) (bytes, inodes int64, err error) {
	for {
		var st syscall.Statfs_t
		err := syscall.Statfs(path, &st)
		switch parent := filepath.Dir(path); {
		case err == nil:
			bytes, inodes = int64(st.Bavail)*int64(st.Bsize), int64(st.Ffree)
			if st.Files == 0 {
				inodes = -1
			}
			return bytes, inodes, nil
		case !errors.Is(err, fs.ErrNotExist) || parent == path:
			return 0, 0, fmt.Errorf("asking for the free space of %s: %w", path, err)
		default:
			path = parent
		}
	}
}
