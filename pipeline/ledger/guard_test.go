package ledger

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/durable"
)

// Who examines the ledger holds a night up for a moment, and does not make it fail.
func TestNightBesideAnExamination(t *testing.T) {
	t.Parallel()
	b := setup(t)
	lock, err := guard(b.ctx, b.redo.dir, true, 0)
	b.must(err)
	released := make(chan error, 1)
	go func() {
		time.Sleep(200 * time.Millisecond)
		released <- lock.Close()
	}()
	lease, err := b.Acquire(b.ctx, "night 2024-03-01")
	b.must(err)
	b.must(<-released)
	if _, err := Repair(b.ctx, b.dir, RepairOptions{DryRun: true, Now: b.clock}); !errors.Is(err, ErrInUse) {
		t.Errorf("beside a night: got %v, want ErrInUse", err)
	}
	b.must(lease.Release())
	if found, err := Repair(b.ctx, b.dir, RepairOptions{DryRun: true, Now: b.clock}); err != nil || found.Damage != nil {
		t.Errorf("after the night: %+v, %v", found, err)
	}
}

// A night that waits in vain gives the lease back.
func TestGuardInVain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	lock, err := guard(b.ctx, b.redo.dir, true, 0)
	b.must(err)
	defer lock.Close()
	b.patience = 100 * time.Millisecond
	if _, err := b.Acquire(b.ctx, "night 2024-03-01"); !errors.Is(err, ErrInUse) {
		t.Errorf("got %v, want ErrInUse", err)
	}
	if h, err := b.Holder(b.ctx); h != nil || err != nil {
		t.Errorf("the lease is held by %v (%v)", h, err)
	}
}

// To read the format changes nothing.
func TestFormatOf(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if v, err := FormatOf(b.ctx, b.dir); v != Version || err != nil {
		t.Errorf("a new ledger: %d, %v", v, err)
	}
	dir := t.TempDir()
	if _, err := FormatOf(b.ctx, dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no ledger: %v", err)
	}
	format1(t, dir)
	before, _, err := durable.Digest(filepath.Join(dir, FileName))
	b.must(err)
	if v, err := FormatOf(b.ctx, dir); v != 1 || err != nil {
		t.Errorf("an old ledger: %d, %v", v, err)
	}
	if after, _, err := durable.Digest(filepath.Join(dir, FileName)); after != before || err != nil {
		t.Errorf("it was changed (%v)", err)
	}
}
