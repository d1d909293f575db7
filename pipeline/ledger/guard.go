package ledger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// ErrInUse is wrapped by errors about a data directory whose ledger another process works
// with: a night that holds the lease, or one that repairs or examines the ledger.
var ErrInUse = errors.New("in use by another process: a night that works, or `mainstay repair`, or `mainstay doctor` which will soon be done")

// guardWait is how long a night that has the lease waits for who examines the ledger, which
// `mainstay doctor` does for seconds.
const guardWait = 30 * time.Second

// guard locks the redo log, shared by who works with the ledger or alone by who replaces
// it. The lock is gone with the process, and works without a ledger. It waits for another
// process as long as wait; the error is ErrInUse then.
func guard(ctx context.Context, dir string, alone bool, wait time.Duration) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("locking the redo log: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("locking the redo log: %w", err)
	}
	how := syscall.LOCK_SH
	if alone {
		how = syscall.LOCK_EX
	}
	const pause = 50 * time.Millisecond
	for waited := time.Duration(0); ; waited += pause {
		err = syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return f, nil // or a file system without locks: the lease must do
		}
		if waited >= wait {
			f.Close()
			return nil, fmt.Errorf("%s is %w", dir, ErrInUse)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, ctx.Err()
		case <-time.After(pause):
		}
	}
}
