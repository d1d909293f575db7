package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/mainstay-etl/mainstay/jobs"
)

// pushOptions are the flags of `mainstay publish push`.
type pushOptions struct {
	projectFlags
	logs       logFlags
	alterTypes bool
}

func newPushCommand() *cobra.Command {
	var o pushOptions
	c := &cobra.Command{
		Use:   "push",
		Short: "Put the night that readers see into PostgreSQL",
		Long: `Put the tables of the night that readers see into the PostgreSQL database of
publish.postgres in mainstay.yaml, all of them in one transaction. A run does so by
itself; this does it again, after a run could not, after a rollback, or after
another table was asked for.

` + exitHelp,
		Example: `  mainstay publish push
  mainstay publish push --project /srv/shop --alter-types`,
		RunE: func(c *cobra.Command, _ []string) error { return runPush(c.Context(), c.OutOrStdout(), o) },
	}
	o.add(c)
	o.logs.add(c)
	c.Flags().BoolVar(&o.alterTypes, "alter-types", false, "change the type of columns where the night's differs; readers in transactions may then find a table empty, once")
	return c
}

func runPush(ctx context.Context, out io.Writer, o pushOptions) error {
	p, err := o.load(ctx)
	if err != nil {
		return err
	}
	if err := o.logs.apply(&p.Config.Log); err != nil {
		return err
	}
	pushed, err := p.Push(ctx, jobs.PushOptions{Log: newLogger(os.Stderr, p.Config.Log), Anew: true, AlterTypes: o.alterTypes})
	if err != nil {
		return usageIf(err, jobs.ErrNothingToPush)
	}
	for _, note := range pushed.Notes {
		fmt.Fprintln(out, "note:", note)
	}
	_, err = fmt.Fprintf(out, "night %d of %s is in PostgreSQL, schema %s: %d tables, %s rows, %.1f s\n", pushed.Night, pushed.AsOf, p.Config.Publish.Postgres.Schema, pushed.Tables, thousands(pushed.Rows), pushed.Seconds)
	return err
}
