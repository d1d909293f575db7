// Command mainstay runs the nights of a company's customer mining: it extracts orders
// and interactions, computes point-in-time features, learns and predicts churn and
// cross-sell, and publishes tables that analysts query. See `mainstay help`.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mainstay-etl/mainstay/jobs"
	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
)

// Exit codes. A caller such as cron reads them; they are listed in the help.
const (
	exitPublished = 0
	exitFailed    = 1
	exitUsage     = 2
	exitHeld      = 3
	exitWarnings  = 4
	exitStopped   = 5
)

const exitHelp = `Exit codes:
  0  done; for a night: published
  1  failed; for a night: the last published night stands
  2  bad usage or configuration; nothing was started
  3  another night holds the data directory
  4  published, with warnings to read
  5  stopped by a signal before it had ended; the next run goes on`

// usageError is a mistake of the caller: nothing was started.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

// warningsError says that something was done and has warnings.
type warningsError struct {
	n    int
	what string // was done
}

func (e warningsError) Error() string {
	s := "s"
	if e.n == 1 {
		s = ""
	}
	return fmt.Sprintf("%s, with %d warning%s", e.what, e.n, s)
}

func main() {
	ctx := stopOnSignal(context.Background())
	err := asStopped(ctx, newRootCommand().ExecuteContext(ctx))
	switch {
	case isLogged(err):
	case errors.Is(err, pipeline.ErrStopped):
		fmt.Fprintln(os.Stderr, "mainstay: interrupted; what was published last stands, and the next run goes on")
	case err != nil:
		fmt.Fprintln(os.Stderr, "mainstay:", err)
	}
	os.Exit(exitCode(err))
}

// exitCode is the one place where errors become exit codes.
func exitCode(err error) int {
	var held *ledger.HeldError
	var usage usageError
	var warnings warningsError
	var child childError
	switch {
	case err == nil:
		return exitPublished
	case errors.As(err, &child):
		return child.code
	case errors.As(err, &warnings):
		return exitWarnings
	case errors.As(err, &held), errors.Is(err, ledger.ErrInUse):
		return exitHeld
	case errors.As(err, &usage):
		return exitUsage
	case errors.Is(err, pipeline.ErrStopped):
		return exitStopped
	}
	return exitFailed
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "mainstay",
		Short: "The whole night of customer mining in one binary",
		Long: `mainstay extracts a company's orders and customer interactions, computes
point-in-time customer features in SQL, predicts churn and cross-sell, explains
every score, and publishes the result as tables that analysts query.

` + exitHelp,
		Example: `  mainstay demo                         see a night on a generated shop
  mainstay init shop && cd shop         start a project
  mainstay run                          run tonight's night
  mainstay query "FROM churn_scores"    read the result`,
		Version:       jobs.Version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.Args, root.DisableFlagsInUseLine = knownCommand, true
	root.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w (see `%s --help`)", err, c.CommandPath())}
	})
	for _, c := range []*cobra.Command{
		newDemoCommand(), newInitCommand(), newRunCommand(), newScheduleCommand(), newJobsCommand(),
		newNightsCommand(), newNotifyCommand(), newModelsCommand(), newExplainCommand(), newEvalCommand(), newExtractCommand(), newQuarantineCommand(), newGCCommand(), newForgetCommand(), newRepairCommand(), newQueryCommand(), newCheckCommand(), newTestCommand(), newPublishCommand(), newBackfillCommand(), newDoctorCommand(), newGenerateCommand(),
	} {
		c.Args = usageArgs(c.Args)
		root.AddCommand(c)
	}
	return root
}

// knownCommand refuses a first word that is no command. cobra would do so by itself,
// with an error that nothing tells from a failed night.
func knownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	c.SuggestionsMinimumDistance = 2
	hint := ""
	if names := c.SuggestionsFor(args[0]); len(names) > 0 {
		hint = "; did you mean " + strings.Join(names, " or ") + "?"
	}
	return usageError{fmt.Errorf("%q is no command of mainstay%s (see `mainstay --help`)", args[0], hint)}
}

// usageArgs marks a wrong number of arguments as bad usage.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if check == nil {
			check = cobra.NoArgs
		}
		if err := check(c, args); err != nil {
			return usageError{fmt.Errorf("%w (see `%s --help`)", err, c.CommandPath())}
		}
		return nil
	}
}
