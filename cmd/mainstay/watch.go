package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
)

// watch shows how a night goes on: a line per finished job, and on a terminal a bar
// with what is running below them.
type watch struct {
	mu      sync.Mutex
	out     io.Writer
	bars    *mpb.Progress
	bar     *mpb.Bar
	running map[string]string // job -> step
	beat    time.Time         // of the last plain progress line
}

// newWatch writes to a file; bars only when it is a terminal.
func newWatch(f *os.File) *watch {
	w := &watch{out: f, running: map[string]string{}}
	if term.IsTerminal(int(f.Fd())) {
		w.bars = mpb.New(mpb.WithOutput(f), mpb.WithAutoRefresh())
	}
	return w
}

// Write prints a line (such as a log line) above the bar.
func (w *watch) Write(b []byte) (int, error) {
	if w.bars != nil {
		return w.bars.Write(b)
	}
	return w.out.Write(b)
}

func (w *watch) NightStarted(n *pipeline.Night, jobs []pipeline.Job) {
	fmt.Fprintf(w, "night %s: %d tables to make in %s\n", n.AsOf, len(jobs), n.Dir)
	if w.bars == nil {
		return
	}
	w.bar = w.bars.AddBar(int64(len(jobs)), mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Name("night "+n.AsOf.String()+" "), decor.CountersNoUnit("%d/%d ")),
		mpb.AppendDecorators(decor.Elapsed(decor.ET_STYLE_GO), decor.Any(func(decor.Statistics) string { return " " + w.now() })))
}

// now says what is running, short enough for a line.
func (w *watch) now() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var parts []string
	for job, step := range w.running {
		parts = append(parts, strings.TrimSpace(job+" "+step))
	}
	slices.Sort(parts)
	s := strings.Join(parts, ", ")
	if len(s) > 60 {
		s = s[:57] + "..."
	}
	return s
}

func (w *watch) JobStarted(j pipeline.Job) { w.set(j, "") }

func (w *watch) set(j pipeline.Job, step string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running[j.Name] = step
}

// plainBeat is how often a long job says on plain output that it lives.
const plainBeat = 10 * time.Second

func (w *watch) JobProgress(j pipeline.Job, done, total int, step string) {
	text := fmt.Sprintf("%s (%d/%d)", step, done, total)
	w.set(j, text)
	if w.bars != nil {
		return
	}
	w.mu.Lock()
	due := time.Since(w.beat) > plainBeat
	if due {
		w.beat = time.Now()
	}
	w.mu.Unlock()
	if due {
		fmt.Fprintf(w, "  %-26s ... %s\n", j.Name, text)
	}
}

func (w *watch) JobEnded(j pipeline.Job, r ledger.JobResult, err error) {
	w.mu.Lock()
	delete(w.running, j.Name)
	w.beat = time.Now()
	w.mu.Unlock()
	note := r.Note
	if err != nil {
		note, _, _ = strings.Cut(err.Error(), "\n")
	}
	fmt.Fprintf(w, "  %-26s %-7s %11s rows %7.1fs  %s\n", j.Name, r.Status, thousands(r.Rows), r.Seconds, note)
	if w.bar != nil {
		w.bar.Increment()
	}
}

func (w *watch) NightEnded() {
	if w.bar != nil {
		w.bar.Abort(true)
		w.bars.Wait()
		w.bars, w.bar = nil, nil
	}
}

// thousands writes a number with separators.
func thousands(n int64) string {
	s := fmt.Sprint(n)
	neg := strings.HasPrefix(s, "-")
	s = strings.TrimPrefix(s, "-")
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	if neg {
		return "-" + s
	}
	return s
}
