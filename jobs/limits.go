package jobs

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/source"
)

// limitsOf are what the configuration says of a job.
func (p *Project) limitsOf(j pipeline.Job) pipeline.Limits {
	retries, timeout := p.Config.Jobs.Of(j.Name)
	return pipeline.Limits{Retries: retries, Timeout: timeout, Backoff: time.Duration(p.Config.Jobs.Backoff)}
}

// passingError marks an error whose cause can pass by itself.
type passingError struct{ error }

func (e passingError) Unwrap() error { return e.error }

// Passing is true.
func (passingError) Passing() bool { return true }

// markPassing marks an error of a source that can pass by itself, as the source tells.
func markPassing(src source.Source, err error) error {
	if s, ok := src.(interface{ Passing(error) bool }); ok && err != nil && s.Passing(err) {
		return passingError{err}
	}
	return err
}

// outOfMemory says what to do about a session of SQL that got too little memory.
func outOfMemory(err error) error {
	if err == nil || !duck.IsOutOfMemory(err) {
		return err
	}
	return fmt.Errorf("%w\nA session of SQL got too little memory: raise resources.memory in mainstay.yaml (or the limit of the control group or machine), or lower resources.workers, among which it is shared out", err)
}

// How many earlier runs of a job tell how long it usually takes, and how few do not.
const (
	usualRuns  = 10
	fewestRuns = 3
)

// slowJobs says which jobs of the night took much longer than usual: the median of their
// latest runs that made something.
func (p *Project) slowJobs(ctx context.Context, n *pipeline.Night) ([]string, error) {
	c := p.Config.Jobs
	if c.SlowFactor == 0 {
		return nil, nil
	}
	results, err := n.Ledger.Jobs(ctx, n.ID)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, r := range results {
		if r.Status != ledger.JobDone || r.Seconds < time.Duration(c.SlowAfter).Seconds() {
			continue
		}
		history, err := n.Ledger.JobHistory(ctx, r.Name)
		if err != nil {
			return nil, err
		}
		usual, runs := usualSeconds(history, n.ID)
		if runs >= fewestRuns && r.Seconds >= c.SlowFactor*usual {
			out = append(out, fmt.Sprintf("job %s took %s, usually %s (the median of its last %d runs): has the data grown, or is the machine or the source busy?", r.Name, inWords(r.Seconds), inWords(usual), runs))
		}
	}
	return out, nil
}

// usualSeconds is the median of a job's latest runs before a night, and how many they are.
func usualSeconds(history []ledger.NightJob, before int64) (median float64, runs int) {
	var took []float64
	for _, h := range slices.Backward(history) {
		if h.Night < before && h.Status == ledger.JobDone && len(took) < usualRuns {
			took = append(took, h.Seconds)
		}
	}
	if len(took) == 0 {
		return 0, 0
	}
	slices.Sort(took)
	mid := len(took) / 2
	if len(took)%2 == 1 {
		return took[mid], len(took)
	}
	return (took[mid-1] + took[mid]) / 2, len(took)
}

func inWords(seconds float64) string {
	return time.Duration(seconds * float64(time.Second)).Round(time.Second / 10).String()
}

// checkJobNames makes sure that the configuration bounds jobs that there are.
func (p *Project) checkJobNames() error {
	if len(p.Config.Jobs.Tables) == 0 {
		return nil
	}
	all, err := All(p)
	if err != nil {
		return err
	}
	var names []string
	for _, j := range all {
		names = append(names, j.Name)
	}
	return p.Config.CheckJobs(names)
}
