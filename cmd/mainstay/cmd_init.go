package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mainstay-etl/mainstay/pipeline/config"
	"github.com/mainstay-etl/mainstay/pipeline/draft"
	"github.com/mainstay-etl/mainstay/pipeline/scaffold"
	"github.com/mainstay-etl/mainstay/pipeline/source/mysql"
	"github.com/mainstay-etl/mainstay/pipeline/source/postgres"
	"github.com/mainstay-etl/mainstay/pipeline/source/relational"
)

// initOptions are the flags of `mainstay init`.
type initOptions struct{ from, passwordFile string }

func newInitCommand() *cobra.Command {
	var o initOptions
	c := &cobra.Command{
		Use:   "init DIR",
		Short: "Start a project: a commented mainstay.yaml and an example SQL model",
		Long: `Start a project in a folder: a commented mainstay.yaml and an example SQL model.

With --from, look at the schema of a database (its catalogue, no row) and draft
a mainstay.yaml that reads it: which tables hold order lines and interactions,
the SELECTs that map them, their keys and cursors. Every guess is explained in a
comment, and what could not be guessed is a TODO. The address of the database
stays in the environment, and no password is written.`,
		Example: `  mainstay init shop
  mainstay init shop --from postgres://reader@db.example.com/shop   (password: PGPASSWORD)
  mainstay init shop --from SHOP_URL                                (a variable with the address)`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return runInit(c.Context(), c.OutOrStdout(), args[0], o)
		},
	}
	c.Flags().StringVar(&o.from, "from", "", "`address` of a database (postgres://... or mysql://...) to draft from, or the name of a variable that holds it")
	c.Flags().StringVar(&o.passwordFile, "password-file", "", "`file` whose first line is the password (else PGPASSWORD or MYSQL_PWD)")
	return c
}

func runInit(ctx context.Context, out io.Writer, dir string, o initOptions) error {
	if o.from != "" {
		return initFrom(ctx, out, dir, o)
	}
	if o.passwordFile != "" {
		return usageError{errors.New("--password-file belongs to --from")}
	}
	files, err := scaffold.Write(dir)
	if err != nil {
		return usageError{err}
	}
	wrote(out, dir, files)
	fmt.Fprintf(out, "\nNext: read %s, then\n  mainstay check --project %s\n", filepath.Join(dir, "README.md"), dir)
	return nil
}

func wrote(out io.Writer, dir string, files []string) {
	for _, f := range files {
		fmt.Fprintln(out, "wrote", filepath.Join(dir, f))
	}
}

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// initFrom drafts a project from a database.
func initFrom(ctx context.Context, out io.Writer, dir string, o initOptions) error {
	if _, err := os.Lstat(filepath.Join(dir, config.FileName)); err == nil {
		return usageError{fmt.Errorf("%s has a %s already; choose another folder", dir, config.FileName)}
	}
	address, variable, onCommandLine := o.from, "", true
	if variableName.MatchString(o.from) {
		variable, onCommandLine = o.from, false
		if address = os.Getenv(variable); address == "" {
			return usageError{fmt.Errorf("--from: the environment variable %s is not set; expected the address of a database in it", variable)}
		}
	}
	server, dialect, err := dialectOf(address, o.passwordFile)
	if err != nil {
		return usageError{fmt.Errorf("--from: %w", err)}
	}
	schema, err := draft.Read(ctx, server, dialect)
	if err != nil {
		return err
	}
	project, err := scaffold.ProjectName(dir)
	if err != nil {
		return err
	}
	source := sourceName(schema.Database)
	variable = cmp.Or(variable, strings.ToUpper(source)+"_URL")
	d := draft.For(schema, draft.Options{Project: project, Source: source, Variable: variable})
	files, err := scaffold.WriteDraft(dir, d.YAML)
	if err != nil {
		return usageError{err}
	}
	fmt.Fprintf(out, "%s, database %s: %d tables\n", schema.Server, schema.Database, len(schema.Tables))
	for _, table := range []string{"orders", "interactions"} {
		fmt.Fprintf(out, "%s: %s\n", table, cmp.Or(d.Found[table], "not found"))
	}
	wrote(out, dir, files)
	fmt.Fprintf(out, "\nNext: look at the %d TODO in %s, then\n", d.Todos, filepath.Join(dir, config.FileName))
	if onCommandLine {
		fmt.Fprintf(out, "  export %s='%s'\n", variable, config.URL(address).WithoutPassword())
	}
	fmt.Fprintf(out, "  mainstay check --verbose --project %s\n", dir)
	if onCommandLine && config.URL(address).HasPassword() {
		fmt.Fprintf(out, "\nThe password was on the command line, where others can see it. Keep it in %s, percent-encoded, or in a file (password_file).\n", variable)
	}
	return nil
}

// dialectOf makes the dialect that an address asks for. Its errors do not show it.
func dialectOf(address, passwordFile string) (relational.Dialect, draft.Dialect, error) {
	scheme, _, _ := strings.Cut(address, "://")
	switch scheme {
	case "postgres", "postgresql":
		d, err := postgres.New(postgres.Options{URL: address, PasswordFile: passwordFile})
		return d, draft.Postgres, err
	case "mysql", "mariadb":
		d, err := mysql.New(mysql.Options{URL: address, PasswordFile: passwordFile})
		return d, draft.MySQL, err
	}
	return nil, "", errors.New("expected postgres://user@host:port/database, mysql://user@host:port/database, or the name of a variable that holds one")
}

var notInSource = regexp.MustCompile(`[^a-z0-9_]+`)

// sourceName makes a valid name for a source of a database's.
func sourceName(database string) string {
	name := strings.Trim(notInSource.ReplaceAllString(strings.ToLower(database), "_"), "_")
	if name == "" || name[0] < 'a' || name[0] > 'z' {
		return "shop"
	}
	return name
}
