package main

import (
	"context"
	"fmt"
	"io"

	"github.com/mainstay-etl/mainstay/jobs"
	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
)

// listMissing prints the days that are missing by the schedules.
func listMissing(ctx context.Context, out io.Writer, o projectFlags) error {
	p, err := loadSchedules(o)
	if err != nil {
		return err
	}
	l, err := ledger.OpenExisting(ctx, p.DataDir)
	if err != nil {
		return usageError{err}
	}
	defer l.Close()
	days, err := missingDays(ctx, p, l)
	if err != nil {
		return err
	}
	for _, d := range days {
		if _, err := fmt.Fprintln(out, d); err != nil {
			return err
		}
	}
	return nil
}

func missingDays(ctx context.Context, p *jobs.Project, l *ledger.Ledger) ([]pipeline.Day, error) {
	plans, err := p.Config.Plans()
	if err != nil {
		return nil, usageError{err}
	}
	return jobs.MissingDays(ctx, l, plans, p.Config.Location(), today(p))
}

// noteMissing says below the list of nights which days are missing. Without a project,
// nobody knows which should be there.
func noteMissing(ctx context.Context, out io.Writer, l *ledger.Ledger, o projectFlags) error {
	p, err := loadSchedules(o)
	if err != nil {
		return nil
	}
	days, err := missingDays(ctx, p, l)
	if err != nil || len(days) == 0 {
		return err
	}
	_, err = fmt.Fprintf(out, "\n%s\n", missingText(days))
	return err
}

// missingText says in a line which days are missing and how to fill them.
func missingText(days []pipeline.Day) string {
	text := fmt.Sprintf("missing by the schedules: %s", plural(len(days), "day"))
	for i, d := range days {
		if i == 5 {
			text += " ..."
			break
		}
		text += " " + d.String()
	}
	return text + fmt.Sprintf("; fill them with: mainstay backfill --from %s --to %s", days[0], days[len(days)-1])
}
