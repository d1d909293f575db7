package lineage

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/post"
)

// Options say where events go and what they say.
type Options struct {
	File      string      // a line of JSON per event is appended; "": none
	To        post.Target // zero: none
	Timeout   time.Duration
	Namespace string
	Version   string // of mainstay
	// Describe says more of a job. It is called from several goroutines.
	Describe func(pipeline.Job) Description
}

// Emitter is an observer of a night that sends events. It never holds a night up: events
// wait in a queue, which Close empties.
type Emitter struct {
	o      Options
	file   *os.File
	policy post.Policy
	queue  chan event
	sent   chan struct{} // closed when the queue is empty for good
	stop   context.CancelFunc

	mu     sync.Mutex
	night  jobRun
	cutoff time.Time
	jobs   map[string]jobRun
	lost   int
	why    error // of the first that was lost
	closed bool
}

var _ pipeline.Observer = (*Emitter)(nil)

// length of the queue: more than a night has events.
const length = 4096

// giveUp is how many events in a row may be lost before no more are tried.
const giveUp = 3

// New makes an emitter. Close must be called.
func New(ctx context.Context, o Options) (*Emitter, error) {
	e := &Emitter{o: o, queue: make(chan event, length), sent: make(chan struct{}), jobs: map[string]jobRun{},
		policy: post.Policy{Tries: 2, Pause: 500 * time.Millisecond, Each: o.Timeout}}
	if o.File != "" {
		if err := os.MkdirAll(filepath.Dir(o.File), 0o755); err != nil {
			return nil, fmt.Errorf("opening the file for lineage: %w", err)
		}
		var err error
		if e.file, err = os.OpenFile(o.File, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644); err != nil {
			return nil, fmt.Errorf("opening the file for lineage: %w", err)
		}
	}
	ctx, e.stop = context.WithCancel(context.WithoutCancel(ctx)) // the end of a night that was told to stop is told, too
	go e.work(ctx)
	return e, nil
}

var errGivenUp = errors.New("the ones before could not be sent either")

// work sends what is in the queue.
func (e *Emitter) work(ctx context.Context) {
	defer close(e.sent)
	failed := 0
	for ev := range e.queue {
		err := errors.New("told to stop before they were sent")
		if failed < giveUp && ctx.Err() == nil {
			err = e.send(ctx, ev)
		} else if failed >= giveUp {
			err = errGivenUp
		}
		if err == nil {
			failed = 0
			continue
		}
		failed++
		e.lose(err)
	}
}

func (e *Emitter) lose(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.lost++
	if e.why == nil {
		e.why = err
	}
}

func (e *Emitter) send(ctx context.Context, ev event) error {
	text, err := json.Marshal(ev)
	if err != nil {
		return fmt.Errorf("writing an event: %w", err)
	}
	if e.file != nil {
		if _, err := e.file.Write(append(text, '\n')); err != nil {
			return fmt.Errorf("writing an event: %w", err)
		}
	}
	if e.o.To.URL == "" && e.o.To.URLFile == "" {
		return nil
	}
	_, err = post.Deliver(ctx, e.policy, e.o.To, "application/json", text)
	return err
}

var errFull = errors.New("they came faster than they could be sent")

// put queues an event.
func (e *Emitter) put(ev event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return
	}
	select {
	case e.queue <- ev:
	default:
		e.lost++
		e.why = cmp.Or(e.why, errFull)
	}
}

// Close says how the night ended (nil: well), waits until all events are sent, for as
// long as the timeout, and tells which were lost.
func (e *Emitter) Close(night error) error {
	if e.night.id != "" {
		kind := complete
		if night != nil {
			kind = fail
			if errors.Is(night, pipeline.ErrStopped) || errors.Is(night, context.Canceled) {
				kind = abort
			}
		}
		ev := e.nightEvent(kind, time.Now())
		if night != nil {
			ev.Run.Facets.put("errorMessage", "1-0-1/ErrorMessageRunFacet", message(night))
		}
		e.put(ev)
	}
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	close(e.queue)
	select {
	case <-e.sent:
	case <-time.After(e.o.Timeout):
		e.stop()
		<-e.sent
	}
	e.stop()
	var err error
	if e.file != nil {
		err = e.file.Close()
	}
	if e.lost > 0 {
		err = errors.Join(fmt.Errorf("%d events of lineage were not sent: %w", e.lost, e.why), err)
	}
	return err
}

func message(err error) map[string]any {
	return map[string]any{"message": err.Error(), "programmingLanguage": "Go"}
}

// newID is an id for a run. Version 7 sorts by time, as OpenLineage asks for.
func newID() string {
	id, err := uuid.NewV7()
	if err != nil {
		id = uuid.New()
	}
	return id.String()
}

// NightStarted tells that the night began.
func (e *Emitter) NightStarted(n *pipeline.Night, _ []pipeline.Job) {
	now := time.Now()
	e.night, e.cutoff = jobRun{newID(), now}, n.Cutoff()
	e.put(e.nightEvent(start, now))
}

// JobStarted tells that a job began.
func (e *Emitter) JobStarted(j pipeline.Job) {
	r := jobRun{newID(), time.Now()}
	e.mu.Lock()
	e.jobs[j.Name] = r
	e.mu.Unlock()
	e.put(e.jobEvent(start, r.started, j, r))
}

// JobProgress is nothing that OpenLineage asks for.
func (e *Emitter) JobProgress(pipeline.Job, int, int, string) {}

// JobEnded tells how a job ended.
func (e *Emitter) JobEnded(j pipeline.Job, r ledger.JobResult, err error) {
	e.mu.Lock()
	of := e.jobs[j.Name]
	e.mu.Unlock()
	kind := complete
	switch r.Status {
	case ledger.JobFailed:
		kind = fail
	case ledger.JobSkipped:
		kind = abort
	}
	ev := e.jobEvent(kind, time.Now(), j, of)
	if kind == complete {
		f := facets{}
		f.put("outputStatistics", "1-0-2/OutputStatisticsOutputDatasetFacet", map[string]any{"rowCount": r.Rows})
		ev.Outputs[0].OutputFacets = f
	} else if err != nil {
		ev.Run.Facets.put("errorMessage", "1-0-1/ErrorMessageRunFacet", message(err))
	}
	e.put(ev)
}

// NightEnded is told by Close, which knows how.
func (e *Emitter) NightEnded() {}

// cutSpec parts 1-0-1/ParentRunFacet.
func cutSpec(spec string) (version, kind string, ok bool) { return strings.Cut(spec, "/") }
