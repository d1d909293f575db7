package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/mainstay-etl/mainstay/jobs"
	"github.com/mainstay-etl/mainstay/pipeline"
)

// today is the day that it is in the business time zone of a project.
func today(p *jobs.Project) pipeline.Day { return pipeline.DayOf(time.Now(), p.Config.Location()) }

// addFuture adds the flag that allows as-of days after today.
func addFuture(c *cobra.Command, future *bool) {
	c.Flags().BoolVar(future, "future", false, "allow a day after today, for trials on made-up data: readers see that day until it is over, or until `mainstay publish rollback`")
}

// notAfter refuses an as-of day after today: readers would see it, and no night of today,
// until that day has come.
func notAfter(day, today pipeline.Day, p *jobs.Project) error {
	if !today.Before(day) {
		return nil
	}
	return fmt.Errorf("%s is after today, which is %s in time_zone %s: is the day mistyped, or the clock wrong? Readers would see that day until it is over (--future allows it, for trials on made-up data)", day, today, p.Config.Location())
}
