package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/mainstay-etl/mainstay/jobs"
)

func newDoctorCommand() *cobra.Command {
	var o projectFlags
	var asJSON bool
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Check all that a night depends on, and say what to do",
		Long: `Check what a support engineer would ask: versions, configuration, memory and
processors, the data directory and its disk, the ledger, who holds it, clocks,
the last nights and missing ones, the warehouse, leftovers, every source, and where
results are published to. One line each: ok, look (it works, but wants a look) or
bad, and what to do. Nothing is changed. With --data and without a project it
checks the data directory.

Exit codes:
  0  nothing is bad
  1  something is bad`,
		Example: `  mainstay doctor --project shop
  mainstay doctor --json`,
		RunE: func(c *cobra.Command, _ []string) error { return runDoctor(c.Context(), c.OutOrStdout(), o, asJSON) },
	}
	o.add(c)
	c.Flags().BoolVar(&asJSON, "json", false, "write JSON for machines")
	return c
}

// doctorDocument is what `mainstay doctor --json` writes.
type doctorDocument struct {
	Version int           `json:"version"`
	OK      bool          `json:"ok"`
	Checks  []symptomJSON `json:"checks"`
}

type symptomJSON struct {
	Subject string `json:"subject"`
	Grade   string `json:"grade"`
	Found   string `json:"found"`
	Advice  string `json:"advice"`
}

func runDoctor(ctx context.Context, out io.Writer, o projectFlags, asJSON bool) error {
	data := o.data
	if data != "" {
		abs, err := filepath.Abs(data)
		if err != nil {
			return usageError{fmt.Errorf("--data: %w", err)}
		}
		data = abs
	}
	found := jobs.Examine(ctx, o.project, data, time.Now())
	bad := 0
	doc := doctorDocument{Version: 1, Checks: []symptomJSON{}}
	for _, s := range found {
		if s.Grade == jobs.Broken {
			bad++
		}
		doc.Checks = append(doc.Checks, symptomJSON{s.Subject, s.Grade, s.Found, s.Advice})
	}
	doc.OK = bad == 0
	var err error
	if asJSON {
		err = writeJSON(out, doc)
	} else {
		err = printSymptoms(out, found)
	}
	if err == nil && bad > 0 {
		err = fmt.Errorf("%s above: a night will not be published, or was not", plural(bad, "bad line"))
	}
	return err
}

func printSymptoms(out io.Writer, found []jobs.Symptom) error {
	tw := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, s := range found {
		fmt.Fprintf(tw, "%s\t%s\t%s\n", s.Grade, s.Subject, s.Found)
		if s.Advice != "" {
			fmt.Fprintf(tw, "\t\t-> %s\n", s.Advice)
		}
	}
	return tw.Flush()
}
