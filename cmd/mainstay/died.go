package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/mainstay-etl/mainstay/jobs"
	"github.com/mainstay-etl/mainstay/pipeline/config"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
)

// mourner tells people of nights whose process died without a word: one that was killed,
// ran out of memory, or could not be started cannot tell by itself.
type mourner struct {
	p       *jobs.Project
	project projectFlags
	log     *slog.Logger
	wg      sync.WaitGroup
}

// ended is told of every slot that ended. It returns at once.
func (m *mourner) ended(s ledger.Slot) {
	// A crash of Go's runtime exits with 2, as bad usage does.
	if s.Status != ledger.SlotFailed || s.Work == ledger.WorkExtract || s.ExitCode != -1 && s.ExitCode != exitUsage {
		return
	}
	m.wg.Go(func() { m.tell(s) })
}

func (m *mourner) tell(s ledger.Slot) {
	ctx := context.Background()
	night := m.left(ctx, s)
	if night == 0 && s.ExitCode == exitUsage {
		return // its process has told by itself
	}
	c := m.p.Config
	if now, ok := config.LoadForTelling(m.project.project, os.LookupEnv); ok {
		c = now // as a night would read it now
	}
	jobs.Tell(ctx, jobs.Telling{
		Config: c, DataDir: m.p.DataDir, AsOf: s.AsOf, Night: night, Died: true, ExitCode: exitFailed, Started: s.StartedAt, Finished: time.Now(),
		Err: fmt.Errorf("its process ended without a word (%s): it was killed, ran out of memory or crashed; the next start goes on where it was", s.Note),
	}, m.log)
}

// left finds the night that a process left running when it died; 0 when there is none.
func (m *mourner) left(ctx context.Context, s ledger.Slot) int64 {
	l, err := ledger.OpenExisting(ctx, m.p.DataDir)
	if err != nil {
		return 0
	}
	defer l.Close()
	nights, err := l.Nights(ctx, 1)
	if err != nil || len(nights) == 0 || nights[0].Status != ledger.Running || nights[0].AsOf != s.AsOf {
		return 0
	}
	return nights[0].ID
}
