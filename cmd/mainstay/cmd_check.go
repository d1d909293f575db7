package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/mainstay-etl/mainstay/jobs"
)

func newCheckCommand() *cobra.Command {
	var o projectFlags
	c := &cobra.Command{
		Use:   "check",
		Short: "Check a project without running it: configuration, SQL models, sources",
		Long: `Check everything that a night checks before it starts: mainstay.yaml, the SQL
models with their sidecars and what each reads, the graph of the night, and
whether each source has files.

` + exitHelp,
		Example: `  mainstay check --project shop`,
		RunE:    func(c *cobra.Command, _ []string) error { return runCheck(c.Context(), c.OutOrStdout(), o) },
	}
	o.add(c)
	return c
}

func runCheck(ctx context.Context, out io.Writer, o projectFlags) error {
	p, err := o.load(ctx)
	if err != nil {
		return err
	}
	g, err := p.Graph(nil)
	if err != nil {
		return usageError{err}
	}
	fmt.Fprintf(out, "configuration of %s: fine\nSQL models: %d, %d of them the project's own\ntables of a night: %d\n", p.Config.Name, len(p.Models.All()), p.OwnModels(), len(g.Jobs))
	found, err := p.CheckSources(ctx)
	if err != nil {
		return usageError{err}
	}
	for _, f := range found {
		fmt.Fprintf(out, "source %s: %d files (%.1f MB), %d of them new\n", f.Source, f.Inputs, float64(f.Bytes)/1e6, f.New)
	}
	return problems(found)
}

// problems makes patterns without files an error: a wrong path looks just like that.
func problems(found []jobs.SourceState) error {
	for _, f := range found {
		if len(f.Missing) > 0 {
			return usageError{fmt.Errorf("source %s: no file matches %q: check the path, or put files there", f.Source, f.Missing)}
		}
	}
	return nil
}
