package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/mainstay-etl/mainstay/jobs"
)

// projectFlags are shared by the commands that work on a project.
type projectFlags struct{ project, data string }

func (f *projectFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.project, "project", ".", "`directory` with mainstay.yaml and sql/")
	c.Flags().StringVar(&f.data, "data", "", "`directory` for everything produced (default: data in mainstay.yaml)")
}

// load reads and checks the project; what is wrong with it is bad usage.
func (f *projectFlags) load(ctx context.Context) (*jobs.Project, error) {
	p, err := jobs.Load(ctx, f.project, f.data)
	if err != nil {
		return nil, usageError{err}
	}
	p.Hold()
	return p, nil
}
