package pipeline

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/ledger"
)

// Tables are the finished tables of a night by name.
type Tables map[string]Table

// outcome is what a worker tells about one job.
type outcome struct {
	job   Job
	table Table
	err   error
	took  time.Duration
}

// Build runs the jobs of a graph, side by side where their needs allow, and returns
// the tables. The first failure stops what has not begun; its error names the job.
// The clock is used for durations only.
func (n *Night) Build(ctx context.Context, g *Graph) (Tables, error) {
	n.Watch.NightStarted(n, g.Jobs)
	defer n.Watch.NightEnded()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	tables, started := Tables{}, map[string]bool{}
	ended := make(chan outcome)
	running, failed := 0, error(nil)
	for {
		if failed == nil && len(started) < len(g.Jobs) {
			failed = n.told(ctx)
		}
		if failed == nil {
			for _, j := range g.Jobs {
				if running < max(n.Workers, 1) && !started[j.Name] && ready(j, tables) {
					started[j.Name] = true
					running++
					go n.work(ctx, j, inputs(j, tables), ended)
				}
			}
		}
		if running == 0 {
			break
		}
		o := <-ended
		running--
		if err := n.record(ctx, o); err != nil && failed == nil {
			failed = err
			cancel()
		}
		tables[o.job.Name] = o.table
		if o.err != nil {
			delete(tables, o.job.Name)
		}
	}
	if failed != nil {
		return nil, errors.Join(failed, n.recordSkipped(context.WithoutCancel(ctx), g, started))
	}
	return tables, nil
}

// ErrStopped means that a night was told to stop before it had ended.
var ErrStopped = errors.New("told to stop")

// told is an error once no further job may begin.
func (n *Night) told(ctx context.Context) error {
	select {
	case <-n.Stop:
		return ErrStopped
	default:
		return ctx.Err()
	}
}

func ready(j Job, done Tables) bool {
	for _, need := range j.Needs {
		if _, ok := done[need]; !ok {
			return false
		}
	}
	return true
}

func inputs(j Job, done Tables) Tables {
	in := Tables{}
	for _, need := range j.Needs {
		in[need] = done[need]
	}
	return in
}

// work runs one job. A panic in a job ends the night like an error, with its stack.
func (n *Night) work(ctx context.Context, j Job, in Tables, ended chan<- outcome) {
	n.Watch.JobStarted(j)
	o := outcome{job: j}
	from := time.Now()
	defer func() {
		if p := recover(); p != nil {
			o.err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
		o.took = time.Since(from)
		ended <- o
	}()
	o.table, o.err = n.attempts(ctx, j, in)
	o.table.Name = j.Name
}

// record notes the end of a job in the ledger and tells the observer.
func (n *Night) record(ctx context.Context, o outcome) error {
	res := ledger.JobResult{Name: o.job.Name, Status: ledger.JobDone, Rows: o.table.Rows(), Seconds: o.took.Seconds(), Note: o.table.Note}
	switch {
	case ctx.Err() != nil && errors.Is(o.err, context.Canceled), errors.Is(o.err, ErrStopped):
		res.Status, res.Note = ledger.JobSkipped, "stopped, as the night was"
	case o.err != nil:
		res.Status, res.Note = ledger.JobFailed, o.err.Error()
	case o.table.reused():
		res.Status = ledger.JobReused
	}
	var err error
	if o.err != nil {
		err = fmt.Errorf("job %s: %w", o.job.Name, o.err)
	}
	n.Watch.JobEnded(o.job, res, o.err)
	return errors.Join(err, n.Ledger.RecordJob(context.WithoutCancel(ctx), n.ID, res))
}

func (n *Night) recordSkipped(ctx context.Context, g *Graph, started map[string]bool) error {
	var errs []error
	for _, j := range g.Jobs {
		if !started[j.Name] {
			errs = append(errs, n.Ledger.RecordJob(ctx, n.ID, ledger.JobResult{Name: j.Name, Status: ledger.JobSkipped}))
		}
	}
	return errors.Join(errs...)
}
