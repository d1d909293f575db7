// Package monitor shows Prometheus how nights go. Every number is read from the ledger
// when it is asked for, so that it survives restarts and is right whoever ran the
// night.
package monitor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/mainstay-etl/mainstay/pipeline/ledger"
)

// Options say what is watched.
type Options struct {
	Dir     string // data directory
	Project string // becomes the label project
	Version string // of mainstay

	// Next says when each schedule starts next. nil where there is no scheduler.
	Next func(now time.Time) []Slot
	// Alive is when the scheduler last looked at the clock; the zero time when it has not
	// yet. nil where there is no scheduler.
	Alive func() time.Time
}

// Slot is a time at which a schedule starts.
type Slot struct {
	Schedule string
	At       time.Time
}

// hung is how long a scheduler may be silent.
const hung = 5 * time.Minute

// patience bounds one look at the ledger.
const patience = 20 * time.Second

// registry has the metrics of nights.
func registry(o Options) (*prometheus.Registry, prometheus.Registerer) {
	r := prometheus.NewRegistry()
	with := prometheus.WrapRegistererWith(prometheus.Labels{"project": o.Project}, r)
	with.MustRegister(&nights{o: o})
	return r, with
}

// WriteTextfile writes the metrics to a file for node_exporter's textfile collector, in
// one step: a reader never sees half of it. The name of the file must end in .prom.
func WriteTextfile(o Options, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("writing metrics: %w", err)
	}
	r, _ := registry(o)
	if err := prometheus.WriteToTextfile(path, r); err != nil {
		return fmt.Errorf("writing metrics: %w", err)
	}
	return nil
}

// Handler serves /metrics, /healthz (the scheduler lives) and /readyz (it can work: the
// ledger can be read).
func Handler(o Options) http.Handler {
	r, with := registry(o)
	with.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	started := time.Now()
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(r, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, o.healthy(started)) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		answer(w, errors.Join(o.healthy(started), o.ready(r.Context())))
	})
	return mux
}

func answer(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintln(w, err)
		return
	}
	fmt.Fprintln(w, "ok")
}

// healthy tells whether the scheduler still looks at the clock.
func (o Options) healthy(started time.Time) error {
	if o.Alive == nil {
		return nil
	}
	last := o.Alive()
	if last.IsZero() {
		last = started
	}
	if silent := time.Since(last); silent > hung {
		return fmt.Errorf("the scheduler has not looked at the clock for %s: it hangs, start it anew", silent.Round(time.Second))
	}
	return nil
}

// ready tells whether the ledger can be read. Before the first night there is none.
func (o Options) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	l, err := ledger.OpenExisting(ctx, o.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("the ledger cannot be read (see `mainstay doctor`): %w", err)
	}
	_, err = l.Nights(ctx, 1)
	return errors.Join(err, l.Close())
}

// Serve serves the handler on an address until ctx is done.
func Serve(ctx context.Context, address string, o Options) (listening string, done <-chan error, err error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return "", nil, fmt.Errorf("listening for Prometheus: %w", err)
	}
	s := &http.Server{Handler: Handler(o), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute}
	ended := make(chan error, 1)
	go func() {
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			ended <- err
		}
		close(ended)
	}()
	context.AfterFunc(ctx, func() { s.Close() })
	return l.Addr().String(), ended, nil
}
