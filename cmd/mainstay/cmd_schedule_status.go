package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/mainstay-etl/mainstay/jobs"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
)

// showNext prints the next slots: a line each, to be read by people and scripts.
func showNext(_ context.Context, out io.Writer, o projectFlags, n int) error {
	if n < 1 {
		return usageError{fmt.Errorf("--next: %d is out of range; expected at least 1", n)}
	}
	p, err := loadSchedules(o)
	if err != nil {
		return err
	}
	slots, err := nextSlots(p.Config, placeOf(p), time.Now(), n)
	if err != nil {
		return err
	}
	for _, s := range slots {
		fmt.Fprintf(out, "%s  %s %s", s.at.Format(time.RFC3339), s.work, s.asOf)
		if s.schedule != s.work {
			fmt.Fprintf(out, "  (%s)", s.schedule)
		}
		if !s.starts.Equal(s.at) {
			fmt.Fprintf(out, ", starts %s", s.starts.Format(time.TimeOnly))
		}
		fmt.Fprintln(out)
	}
	return nil
}

func newScheduleStatusCommand() *cobra.Command {
	var o projectFlags
	var limit int
	c := &cobra.Command{
		Use:   "status",
		Short: "Show what the schedules did, what waits and what comes next",
		Long: `Show the latest times of all schedules with what became of each, what runs or
waits, and the next times. Times are in the time zone of the machine.`,
		Example: `  mainstay schedule status
  mainstay schedule status --limit 100 --project /srv/shop`,
		RunE: func(c *cobra.Command, _ []string) error {
			return runScheduleStatus(c.Context(), c.OutOrStdout(), o, limit)
		},
	}
	o.add(c)
	c.Flags().IntVarP(&limit, "limit", "n", 20, "how many past times to list; 0 lists all")
	return c
}

func runScheduleStatus(ctx context.Context, out io.Writer, o projectFlags, limit int) error {
	p, err := loadSchedules(o)
	if err != nil {
		return err
	}
	slots, err := knownSlots(ctx, p, limit)
	if err != nil {
		return err
	}
	tw := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "SCHEDULE\tTIME\tRUNS\tAS OF\tSTATUS\tSTARTED\tTOOK\tEXIT\tNOTE")
	for _, s := range slots {
		status, exit, started, took := s.Status, "-", "-", "-"
		if s.ExitCode >= 0 {
			exit = strconv.Itoa(s.ExitCode)
		}
		if s.Begun() {
			started = s.StartedAt.Local().Format(time.DateTime)
		}
		if s.Begun() && !s.FinishedAt.IsZero() {
			took = s.FinishedAt.Sub(s.StartedAt).Round(100 * time.Millisecond).String()
		}
		if s.Missed && s.Status != ledger.SlotSkipped {
			status += " (late)"
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", s.Schedule, s.At.Local().Format("2006-01-02 15:04"), s.Work, s.AsOf, status, started, took, exit, s.Note)
	}
	coming, err := nextSlots(p.Config, placeOf(p), time.Now(), 5)
	if err != nil {
		return err
	}
	for _, s := range coming {
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\tcomes\t\t\t\t\n", s.schedule, s.starts.Local().Format("2006-01-02 15:04"), s.work, s.asOf)
	}
	return tw.Flush()
}

// knownSlots returns the latest slots in the ledger, oldest first; none when there is no
// ledger yet, as nothing was started.
func knownSlots(ctx context.Context, p *jobs.Project, limit int) (slots []ledger.Slot, err error) {
	if _, err := os.Stat(filepath.Join(p.DataDir, ledger.FileName)); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	l, err := ledger.OpenExisting(ctx, p.DataDir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	latest, err := l.Slots(ctx, limit)
	if err != nil {
		return nil, err
	}
	for i := range latest {
		slots = append(slots, latest[len(latest)-1-i])
	}
	return slots, nil
}
