package main

import (
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/mainstay-etl/mainstay/pipeline/scaffold"
)

func newInitCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "init DIR",
		Short:   "Start a project: a commented mainstay.yaml and an example SQL model",
		Example: `  mainstay init shop`,
		Args:    cobra.ExactArgs(1),
		RunE:    func(c *cobra.Command, args []string) error { return runInit(c.OutOrStdout(), args[0]) },
	}
}

func runInit(out io.Writer, dir string) error {
	files, err := scaffold.Write(dir)
	if err != nil {
		return usageError{err}
	}
	for _, f := range files {
		fmt.Fprintln(out, "wrote", filepath.Join(dir, f))
	}
	fmt.Fprintf(out, "\nNext: read %s, then\n  mainstay check --project %s\n", filepath.Join(dir, "README.md"), dir)
	return nil
}
