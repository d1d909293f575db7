package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/mainstay-etl/mainstay/jobs"
	"github.com/mainstay-etl/mainstay/pipeline/config"
)

func newNotifyCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "notify",
		Short: "Try the channels that people are told by",
		Long: `A night tells people how it went by the channels under notify in mainstay.yaml:
when it failed, when nights are well again, and when there are warnings to read.

` + exitHelp,
		Example: `  mainstay notify test                  send a test message to every channel`,
		Args:    knownCommand,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	var o projectFlags
	test := &cobra.Command{
		Use:   "test [CHANNEL...]",
		Short: "Send a test message to every channel, or to those named",
		Long: `Send a test message to every channel, or to those named, and say for each whether
it arrived. The dead-man's switch (notify.ping) is asked only when "ping" is named,
for whoever watches it takes that for a good night.`,
		Example: `  mainstay notify test
  mainstay notify test chat ping --project /srv/shop`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			return runNotifyTest(c.Context(), c.OutOrStdout(), o, args)
		},
	}
	o.add(test)
	c.AddCommand(test)
	return c
}

func runNotifyTest(ctx context.Context, out io.Writer, o projectFlags, names []string) error {
	c, err := config.Load(o.project, os.LookupEnv)
	if err != nil {
		return usageError{err}
	}
	if len(c.Notify.Channels) == 0 && len(names) == 0 {
		return usageError{fmt.Errorf("there is no channel: add one under notify.channels in %s", config.FileName)}
	}
	got, err := jobs.TestChannels(ctx, c, string(c.Data), names)
	if err != nil {
		return usageError{err}
	}
	for _, ch := range c.Notify.Channels {
		if ch.Off() {
			fmt.Fprintf(out, "%s: off, its address is empty\n", ch.Name)
		}
	}
	failed := 0
	for _, d := range got {
		if d.Err != nil {
			failed++
			fmt.Fprintf(out, "%s: NOT delivered after %s: %v\n", d.Channel, tries(d.Tries), d.Err)
			continue
		}
		fmt.Fprintf(out, "%s: delivered\n", d.Channel)
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d messages did not arrive", failed, len(got))
	}
	return nil
}

func tries(n int) string {
	if n == 1 {
		return "1 try"
	}
	return fmt.Sprintf("%d tries", n)
}
