package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/config"
)

// From its begin on, every line names the night, once, whoever writes it.
func TestEveryLineNamesTheNight(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	watch, log := nightNamer(&logWatch{log: slog.New(slog.DiscardHandler)}, newLogger(&text, config.Log{Format: config.LogJSON}))
	early := log.With("source", "shop")
	line := func(write func()) string {
		text.Reset()
		write()
		return text.String()
	}
	if got := line(func() { log.Info("before") }); strings.Contains(got, "night") {
		t.Errorf("before a night: %s", got)
	}
	day, err := pipeline.ParseDay("2024-03-01")
	if err != nil {
		t.Fatal(err)
	}
	watch.NightStarted(&pipeline.Night{ID: 12, AsOf: day}, nil)
	for what, c := range map[string]struct {
		write func()
		night string
	}{
		"a logger of before":             {func() { early.Warn("x") }, "12"},
		"a line with an attribute":       {func() { log.Info("x", "job", "orders") }, "12"},
		"a logger of the night":          {func() { log.With("night", 12, "as_of", "2024-03-01").Info("x") }, "12"},
		"a logger of another night":      {func() { log.With("night", 7, "as_of", "2024-02-01").With("job", "push").Info("x") }, "7"},
		"a line that names it itself":    {func() { log.Info("x", "night", 7, "as_of", "2024-02-01") }, "7"},
		"a logger with other attributes": {func() { log.With("a", 1).With("b", 2).Info("x") }, "12"},
	} {
		got := line(c.write)
		if strings.Count(got, `"night":`) != 1 || strings.Count(got, `"as_of":`) != 1 || !strings.Contains(got, `"night":`+c.night+`,"as_of":`) {
			t.Errorf("%s: %s", what, got)
		}
	}
}
