package learn

import (
	"testing"

	"github.com/mainstay-etl/mainstay/models/gate"
	"github.com/mainstay-etl/mainstay/models/modeltest"
)

// TestEmptyCutoff: at the first cutoff nothing could be offered to anybody, or nobody was
// active. The others are learned from all the same.
func TestEmptyCutoff(t *testing.T) {
	t.Parallel()
	for _, task := range []Task{churnTask(), crossTask()} {
		t.Run(task.Name, func(t *testing.T) {
			t.Parallel()
			s := modeltest.Shop{Dir: t.TempDir(), Customers: 300}
			snapshots := s.Year(t, task.Keys, task.Label, 8)
			without := train(t, task, snapshots[1:], options)
			snapshots[0] = modeltest.Shop{Dir: t.TempDir()}.Snapshot(t, task.Keys, task.Label, 1, true)
			with := train(t, task, snapshots, options)
			if with.Verdict.Use != gate.UseChallenger || with.Challenger.Header.Rows != without.Challenger.Header.Rows {
				t.Errorf("with an empty cutoff: %+v, %d rows, want %d", with.Verdict, with.Challenger.Header.Rows, without.Challenger.Header.Rows)
			}
		})
	}
}
