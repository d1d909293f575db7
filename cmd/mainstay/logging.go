package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/config"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
)

// logFlags override the log settings of mainstay.yaml.
type logFlags struct{ format, level string }

func (f *logFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.format, "log-format", "", "how to log on stderr: `auto, text or json` (default: log.format in mainstay.yaml)")
	c.Flags().StringVar(&f.level, "log-level", "", "least severe lines to log: `debug, info, warn or error` (default: log.level in mainstay.yaml)")
}

// apply changes the settings as the flags say.
func (f *logFlags) apply(l *config.Log) error {
	if f.format != "" {
		if err := l.Format.UnmarshalText([]byte(f.format)); err != nil {
			return usageError{fmt.Errorf("--log-format: %w", err)}
		}
	}
	if f.level != "" {
		if err := l.Level.UnmarshalText([]byte(f.level)); err != nil {
			return usageError{fmt.Errorf("--log-level: %w", err)}
		}
	}
	return nil
}

// args are the flags that were given, for a child process.
func (f *logFlags) args() []string {
	var out []string
	if f.format != "" {
		out = append(out, "--log-format", f.format)
	}
	if f.level != "" {
		out = append(out, "--log-level", f.level)
	}
	return out
}

// newLogger logs to w: JSON if that is wanted, else text.
func newLogger(w io.Writer, l config.Log) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.Level)); err != nil {
		level = slog.LevelInfo
	}
	o := &slog.HandlerOptions{Level: level}
	if l.Format == config.LogJSON {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// follow shows how work goes on: as progress on a terminal, unless a log format is asked
// for, else as lines of the log, which is where everything else is logged to as well.
func follow(f *os.File, l config.Log) (pipeline.Observer, *slog.Logger) {
	if l.Format == config.LogAuto && term.IsTerminal(int(f.Fd())) {
		w := newWatch(f)
		return nightNamer(w, newLogger(w, l))
	}
	log := newLogger(f, l)
	w := &logWatch{beat: map[string]time.Time{}}
	all, log := nightNamer(w, log)
	w.log = log
	return all, log
}

// logWatch logs how a night goes on.
type logWatch struct {
	mu   sync.Mutex
	log  *slog.Logger
	beat map[string]time.Time // job -> when it was last heard of in the log
}

// logBeat is how often a long job is heard of.
const logBeat = time.Minute

func (w *logWatch) NightStarted(n *pipeline.Night, jobs []pipeline.Job) {
	w.log.Info("night started", "tables", len(jobs), "data", n.Dir)
}

func (w *logWatch) JobStarted(j pipeline.Job) {
	w.mu.Lock()
	w.beat[j.Name] = time.Now()
	w.mu.Unlock()
	w.log.Info("job started", "job", j.Name, "kind", string(j.Kind))
}

func (w *logWatch) JobProgress(j pipeline.Job, done, total int, step string) {
	w.mu.Lock()
	level := slog.LevelDebug
	if time.Since(w.beat[j.Name]) >= logBeat {
		w.beat[j.Name], level = time.Now(), slog.LevelInfo
	}
	w.mu.Unlock()
	w.log.Log(context.Background(), level, "job goes on", "job", j.Name, "step", step, "done", done, "total", total)
}

func (w *logWatch) JobEnded(j pipeline.Job, r ledger.JobResult, err error) {
	level, attrs := slog.LevelInfo, []any{"job", j.Name, "status", r.Status, "rows", r.Rows, "seconds", r.Seconds}
	switch {
	case r.Status == ledger.JobFailed && err != nil:
		level, attrs = slog.LevelError, append(attrs, "error", err.Error())
	case r.Note != "":
		attrs = append(attrs, "note", r.Note)
	}
	w.log.Log(context.Background(), level, "job ended", attrs...)
}

func (w *logWatch) NightEnded() {}

// loggedError is an error that is in the log already, so that it need not be printed.
type loggedError struct{ error }

func (e loggedError) Unwrap() error { return e.error }

// logEnd logs how a night ended, when all of stderr is to be JSON: else it is printed.
func logEnd(l config.Log, log *slog.Logger, n endedNight, done string) {
	if l.Format != config.LogJSON {
		return
	}
	log = log.With("as_of", n.asOf)
	if n.Night != 0 {
		log = log.With(nightKey, n.Night)
	}
	for _, w := range n.Warnings {
		log.Warn("warning", "warning", w)
	}
	log = log.With("seconds", time.Since(n.started).Seconds(), "exit_code", nightCode(n.err, n.Warnings))
	if n.err != nil {
		log.Error("failed; what was published last stands", "error", n.err.Error())
		return
	}
	log.Info(done, "warnings", len(n.Warnings))
}

// logged marks an error that logEnd has logged, when all of stderr is to be JSON.
func logged(l config.Log, err error) error {
	if err == nil || l.Format != config.LogJSON {
		return err
	}
	return loggedError{err}
}

// isLogged tells whether an error is in the log already.
func isLogged(err error) bool {
	var l loggedError
	return errors.As(err, &l)
}
