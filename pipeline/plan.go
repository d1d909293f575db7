package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/mainstay-etl/mainstay/pipeline/ledger"
)

// ErrPlanned is what Run.Part returns while a night is only planned and the part would
// have to be made. Jobs pass it on like any other error.
var ErrPlanned = errors.New("only planned: the part would be made")

// Fate is what would become of a job.
type Fate string

// The fates.
const (
	FateRead    Fate = "read"    // an extraction: whatever is new in its source
	FateReuse   Fate = "reuse"   // everything is there
	FateMake    Fate = "make"    // something is made
	FateUnknown Fate = "unknown" // it cannot be told, see Err
)

// Cause is why a job would make something.
type Cause string

// The causes.
const (
	CauseFirst  Cause = "first"  // it was never made for that day
	CauseAsked  Cause = "asked"  // Night.Renew says so
	CauseGone   Cause = "gone"   // its file is not there any more
	CauseInputs Cause = "inputs" // what it reads has changed
	CauseLogic  Cause = "logic"  // what it does has changed
	CauseNeeds  Cause = "needs"  // a table that it reads is made anew
)

// PlannedJob says what would become of a job.
type PlannedJob struct {
	Job   Job
	Fate  Fate
	Cause Cause    // of FateMake
	Needs []string // of CauseNeeds: the tables that it reads and that are made anew
	Last  int64    // of CauseLogic and CauseInputs: the night that made what cannot be reused; 0: not known
	Parts int      // of the table, as far as is known
	New   int      // of these that would be made; 0 with CauseNeeds, where it is not known
	Err   error    // of FateUnknown
	// What the job wrote when it last made something, and how long that took: an
	// estimate of what it is going to do. -1 where it never did.
	Rows, Bytes int64
	Seconds     float64
}

// partPlan gathers what a job would do.
type partPlan struct {
	parts, missing int
	cause          Cause
	last           int64
}

// Plan tells what would become of each job if the night were run now, without running or
// writing anything. Extractions are not asked: the plan is that of the lake as it is.
func (n *Night) Plan(ctx context.Context, g *Graph) ([]PlannedJob, error) {
	planned := *n
	planned.Watch = unwatched{}
	tables, anew := Tables{}, map[string]bool{}
	var out []PlannedJob
	for _, j := range g.Jobs {
		p := PlannedJob{Job: j, Fate: FateReuse, Rows: -1, Bytes: -1}
		for _, need := range j.Needs {
			if anew[need] {
				p.Needs = append(p.Needs, need)
			}
		}
		switch {
		case j.Reads:
			p.Fate = FateRead
			tables[j.Name] = Table{Name: j.Name}
		case len(p.Needs) > 0:
			p.Fate, p.Cause = FateMake, CauseNeeds
		default:
			planned.planJob(ctx, &p, tables)
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		anew[j.Name] = p.Fate == FateMake || p.Fate == FateUnknown
		if err := n.estimate(ctx, &p); err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// planJob runs a job whose inputs are all there up to the first part that it would make.
func (n *Night) planJob(ctx context.Context, p *PlannedJob, tables Tables) {
	r := &Run{Night: n, Job: p.Job, In: inputs(p.Job, tables), plan: &partPlan{}}
	defer r.sweep()
	t, err := func() (t Table, err error) {
		defer func() {
			if x := recover(); x != nil {
				err = fmt.Errorf("panic: %v", x)
			}
		}()
		return p.Job.Run(ctx, r)
	}()
	p.Parts, p.New, p.Cause, p.Last = r.plan.parts, r.plan.missing, r.plan.cause, r.plan.last
	switch {
	case err == nil && p.New == 0:
		t.Name = p.Job.Name
		tables[p.Job.Name] = t
	case err == nil || errors.Is(err, ErrPlanned):
		p.Fate = FateMake
	default:
		p.Fate, p.Err = FateUnknown, err
	}
}

// planPart is Part while a night is planned.
func (r *Run) planPart(ctx context.Context, s PartSpec) (Part, error) {
	a, ok, err := r.planned(ctx, s)
	if err != nil {
		return Part{}, err
	}
	if !ok {
		return Part{}, fmt.Errorf("table %s: %w", r.Job.Name, ErrPlanned)
	}
	return Part{Path: filepath.Join(r.Night.Dir, a.Path), Cutoff: s.Cutoff, Label: s.Label, SHA256: a.SHA256, Rows: a.Rows, Reused: true}, nil
}

// planned counts a part and tells whether it is there.
func (r *Run) planned(ctx context.Context, s PartSpec) (ledger.Artifact, bool, error) {
	r.plan.parts++
	a, ok, err := r.Night.Ledger.Artifact(ctx, r.key(s))
	if err != nil {
		return a, false, err
	}
	cause, last := CauseFirst, int64(0)
	switch {
	case ok && r.Night.Renew[r.Job.Name]:
		cause = CauseAsked
	case ok:
		if _, err := os.Stat(filepath.Join(r.Night.Dir, a.Path)); err == nil {
			return a, true, nil
		}
		cause = CauseGone
	default:
		before, found, err := r.Night.Ledger.LastArtifactIn(ctx, r.Job.Name, s.Dir)
		if err != nil {
			return a, false, err
		}
		if found {
			cause, last = CauseInputs, before.Night
			if before.Logic != r.Job.Logic {
				cause = CauseLogic
			}
		}
	}
	// A change of what is there already says more than a day that is new.
	if r.plan.missing++; r.plan.cause == "" || r.plan.cause == CauseFirst {
		r.plan.cause, r.plan.last = cause, last
	}
	return a, false, nil
}

// estimate tells what the job wrote when it last made something.
func (n *Night) estimate(ctx context.Context, p *PlannedJob) error {
	if p.Fate != FateMake {
		return nil
	}
	history, err := n.Ledger.JobHistory(ctx, p.Job.Name)
	if err != nil {
		return err
	}
	for _, h := range slices.Backward(history) {
		if h.Status != ledger.JobDone {
			continue
		}
		rows, bytes, err := n.Ledger.ArtifactsMade(ctx, p.Job.Name, h.Night)
		if err != nil {
			return err
		}
		if bytes > 0 {
			p.Rows, p.Bytes, p.Seconds = rows, bytes, h.Seconds
			return nil
		}
	}
	return nil
}

// unwatched is an observer that nobody looks at.
type unwatched struct{}

func (unwatched) NightStarted(*Night, []Job)            {}
func (unwatched) JobStarted(Job)                        {}
func (unwatched) JobProgress(Job, int, int, string)     {}
func (unwatched) JobEnded(Job, ledger.JobResult, error) {}
func (unwatched) NightEnded()                           {}
