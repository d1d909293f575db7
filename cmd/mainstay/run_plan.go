package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/mainstay-etl/mainstay/jobs"
	"github.com/mainstay-etl/mainstay/pipeline"
)

// printPlan prints what a night would do: what it would make line by line, what it would
// reuse in one.
func printPlan(out io.Writer, plan jobs.Plan) error {
	fmt.Fprintf(out, "night %s, not run\n\nsources\n", plan.AsOf)
	for _, s := range plan.Sources {
		fmt.Fprintf(out, "  %s\n", s)
	}
	fmt.Fprintln(out, "\nfrom the lake as it is; what new rows change comes on top")
	tw := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "  TABLE\tWHAT\tROWS\tSIZE\tTOOK\tWHY")
	var reused []string
	var rows, bytes int64
	makes := 0
	for _, j := range plan.Jobs {
		if j.Fate == pipeline.FateReuse {
			reused = append(reused, j.Job.Name)
			continue
		}
		if j.Fate == pipeline.FateMake {
			makes++
			rows, bytes = rows+max(j.Rows, 0), bytes+max(j.Bytes, 0)
		}
		fmt.Fprintf(tw, "  %s\t%s\t%s\t%s\t%s\t%s\n", j.Job.Name, whatPlanned(j), estimateText(j.Rows, thousands), estimateText(j.Bytes, size), tookText(j), j.Why)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%s to make, about %s rows and %s as they were last time; %s to reuse", plural(makes, "table"), thousands(rows), size(bytes), plural(len(reused), "table"))
	if len(reused) > 0 {
		fmt.Fprintf(out, ": %s", strings.Join(reused, ", "))
	}
	_, err := fmt.Fprintln(out)
	return err
}

func whatPlanned(j jobs.PlannedJob) string {
	if j.Fate == pipeline.FateMake && j.Parts > 1 {
		return fmt.Sprintf("make %d of %d", j.New, j.Parts)
	}
	return string(j.Fate)
}

func estimateText(n int64, text func(int64) string) string {
	if n < 0 {
		return ""
	}
	return text(n)
}

func tookText(j jobs.PlannedJob) string {
	if j.Rows < 0 {
		return ""
	}
	return fmt.Sprintf("%.1fs", j.Seconds)
}

// size writes a number of bytes for people.
func size(bytes int64) string {
	switch {
	case bytes >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(bytes)/1e9)
	case bytes >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(bytes)/1e6)
	}
	return fmt.Sprintf("%.1f kB", float64(bytes)/1e3)
}

// planDocument is what `mainstay run --dry-run --json` writes.
type planDocument struct {
	Version int           `json:"version"`
	AsOf    string        `json:"as_of"`
	Partial bool          `json:"partial"`
	Sources []string      `json:"sources"`
	Tables  []plannedJSON `json:"tables"`
}

type plannedJSON struct {
	Table   string  `json:"table"`
	Fate    string  `json:"fate"`
	Cause   string  `json:"cause"`
	Why     string  `json:"why"`
	Parts   int     `json:"parts"`
	New     int     `json:"new"`
	Rows    *int64  `json:"rows"`
	Bytes   *int64  `json:"bytes"`
	Seconds float64 `json:"seconds"`
}

func planJSON(plan jobs.Plan) planDocument {
	doc := planDocument{Version: 1, AsOf: plan.AsOf.String(), Partial: plan.Partial, Sources: list(plan.Sources), Tables: []plannedJSON{}}
	known := func(n int64) *int64 {
		if n < 0 {
			return nil
		}
		return &n
	}
	for _, j := range plan.Jobs {
		doc.Tables = append(doc.Tables, plannedJSON{j.Job.Name, string(j.Fate), string(j.Cause), j.Why, j.Parts, j.New, known(j.Rows), known(j.Bytes), j.Seconds})
	}
	return doc
}
