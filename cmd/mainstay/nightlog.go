package main

import (
	"context"
	"log/slog"
	"sync/atomic"

	"github.com/mainstay-etl/mainstay/pipeline"
)

// nightNamer sees to it that every line of a log, from the begin of a night on and
// whoever writes it, tells which night it is of.
func nightNamer(watch pipeline.Observer, log *slog.Logger) (pipeline.Observer, *slog.Logger) {
	night := new(atomic.Pointer[[]slog.Attr])
	return observers{naming{night: night}, watch}, slog.New(nightHandler{Handler: log.Handler(), night: night})
}

// naming keeps the name of the night that has begun.
type naming struct {
	observers // nobody
	night     *atomic.Pointer[[]slog.Attr]
}

func (n naming) NightStarted(night *pipeline.Night, _ []pipeline.Job) {
	n.night.Store(&[]slog.Attr{slog.Int64(nightKey, night.ID), slog.String("as_of", night.AsOf.String())})
}

const nightKey = "night"

// nightHandler adds the night to lines that name none.
type nightHandler struct {
	slog.Handler
	night *atomic.Pointer[[]slog.Attr]
	named bool
}

func (h nightHandler) Handle(ctx context.Context, r slog.Record) error {
	night, named := h.night.Load(), h.named
	r.Attrs(func(a slog.Attr) bool { named = named || a.Key == nightKey; return !named })
	if night != nil && !named {
		r = r.Clone()
		r.AddAttrs(*night...)
	}
	return h.Handler.Handle(ctx, r)
}

func (h nightHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	for _, a := range attrs {
		h.named = h.named || a.Key == nightKey
	}
	h.Handler = h.Handler.WithAttrs(attrs)
	return h
}

func (h nightHandler) WithGroup(name string) slog.Handler {
	h.Handler = h.Handler.WithGroup(name)
	return h
}
