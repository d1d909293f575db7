package main

import (
	"context"
	"errors"
	"io"
	"math"
	"os"
	"time"

	"github.com/mainstay-etl/mainstay/jobs"
	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
)

// runDocument is what `mainstay run --json` writes: docs/operations/running.md describes
// every key. Keys may be added; what is there keeps its name and meaning while version
// stays.
type runDocument struct {
	Version   int            `json:"version"`
	Status    string         `json:"status"`
	ExitCode  int            `json:"exit_code"`
	Error     *string        `json:"error"`
	Night     int64          `json:"night"`
	AsOf      string         `json:"as_of"`
	Seconds   float64        `json:"seconds"`
	Readers   readersJSON    `json:"readers"`
	Continues *continuesJSON `json:"continues"`
	Warnings  []string       `json:"warnings"`
	Tables    []jobJSON      `json:"tables"`
	Checks    checksJSON     `json:"checks"`
}

type readersJSON struct {
	Warehouse bool   `json:"warehouse"`
	Day       bool   `json:"day"`
	Shown     string `json:"shown"` // the newer day that the warehouse goes on showing
	Partial   string `json:"partial"`
}

type continuesJSON struct {
	Night   int64    `json:"night"`
	Status  string   `json:"status"`
	Changed []string `json:"changed"`
	Reused  int      `json:"reused"`
}

type jobJSON struct {
	Table   string  `json:"table"`
	Status  string  `json:"status"`
	Rows    int64   `json:"rows"`
	Seconds float64 `json:"seconds"`
	Note    string  `json:"note"`
}

type checksJSON struct {
	Run     int         `json:"run"`
	Failing []checkJSON `json:"failing"`
}

type checkJSON struct {
	Table    string `json:"table"`
	Check    string `json:"check"`
	Severity string `json:"severity"`
	Rows     int64  `json:"rows"`
	Detail   string `json:"detail"`
}

// runForMachines runs a night and writes its outcome as one JSON document to stdout,
// however it ends. Progress and messages go to stderr as ever.
func runForMachines(ctx context.Context, out io.Writer, o runOptions) error {
	from := time.Now()
	p, asOf, err := o.prepare(ctx)
	if err == nil && o.dryRun {
		var plan jobs.Plan
		if plan, err = p.Plan(ctx, asOf, o.scope, nil); err == nil {
			return writeJSON(out, planJSON(plan))
		}
	}
	var night jobs.Outcome
	if err == nil {
		n := o.night(ctx, p, asOf)
		night = n.Outcome
		if err = asStopped(ctx, logged(p.Config.Log, n.err)); err == nil {
			err = warningsOf(p.Config.Log, night.Warnings, "published")
		}
	}
	doc := outcomeJSON(night, err, time.Since(from))
	if p != nil {
		doc.AsOf = asOf.String()
	}
	if werr := writeJSON(out, doc); werr != nil && err == nil {
		// The night is published all the same: its exit code tells.
		_, _ = io.WriteString(os.Stderr, "mainstay: the night is published, but "+werr.Error()+"\n")
	}
	return err
}

// outcomeJSON is the document of a night that ended with an error or without.
func outcomeJSON(night jobs.Outcome, err error, took time.Duration) runDocument {
	doc := runDocument{Version: 1, Status: statusText(night, err), ExitCode: exitCode(err), Night: night.Night, Seconds: milli(took.Seconds()),
		Warnings: list(night.Warnings), Tables: []jobJSON{}, Checks: checksJSON{Run: len(night.Checks), Failing: []checkJSON{}}}
	if !night.AsOf.IsZero() {
		doc.AsOf = night.AsOf.String()
	}
	var warned warningsError
	ended := err == nil || errors.As(err, &warned)
	if !ended {
		text := err.Error()
		doc.Error = &text
	} else {
		whole := night.Partial == ""
		doc.Readers = readersJSON{Warehouse: whole && night.ShownDay == "", Day: whole, Shown: night.ShownDay, Partial: night.Partial}
	}
	if c := night.Continues; c != nil {
		doc.Continues = &continuesJSON{c.Night, c.Status, list(c.Changed), night.Reused()}
	}
	for _, j := range night.Jobs {
		doc.Tables = append(doc.Tables, jobJSON{j.Name, j.Status, j.Rows, milli(j.Seconds), j.Note})
	}
	for _, c := range night.Checks {
		if c.Failing > 0 {
			doc.Checks.Failing = append(doc.Checks.Failing, checkJSON{c.Table, c.Name, c.Severity, c.Failing, c.Detail})
		}
	}
	return doc
}

// milli rounds seconds to thousandths.
func milli(seconds float64) float64 { return math.Round(seconds*1000) / 1000 }

// statusText is how a night ended in a word.
func statusText(night jobs.Outcome, err error) string {
	var held *ledger.HeldError
	var usage usageError
	var warned warningsError
	switch {
	case err == nil || errors.As(err, &warned):
		if night.Partial != "" {
			return "partial"
		}
		return "published"
	case errors.As(err, &held):
		return "held"
	case errors.As(err, &usage):
		return "not_started"
	case errors.Is(err, pipeline.ErrStopped), errors.Is(err, context.Canceled):
		return "interrupted"
	}
	return "failed"
}
