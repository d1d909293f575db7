package main

import (
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/pipeline/source/dbtest"
)

func TestGenerateFlagsOfADatabase(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for args, want := range map[string]string{
		"generate --to postgres://a@localhost/b --dir x":        "--dir is for files",
		"generate --to mysql://a@localhost/b --format csv":      "--format is for files",
		"generate --dir x --replace":                            "name it with --to",
		"generate --dir x --interactions=false":                 "name it with --to",
		"generate --to oracle://a:secret@localhost/b":           `"oracle"`,
		"generate --to mysql://a:secret@localhost":              "names no database",
		"generate --to postgres://a:sec%ret@localhost/b":        "no URL",
		"generate --to postgres://a@localhost/b --categories 1": "categories",
	} {
		code, stdout, stderr := run(t, dir, strings.Fields(args)...)
		if code != 2 || stdout != "" || !strings.Contains(stderr, want) || strings.Contains(stderr, "secret") || strings.Contains(stderr, "sec%ret") {
			t.Errorf("%s: exit code %d, want 2 and %q\nstdout: %s\nstderr: %s", args, code, want, stdout, stderr)
		}
	}
}

func TestGenerateIntoADatabase(t *testing.T) {
	t.Parallel()
	for _, kind := range []dbtest.Kind{dbtest.KindPostgres, dbtest.KindMySQL} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			d, dir := dbtest.Of(t, kind), t.TempDir()
			args := []string{"generate", "--to", d.URL, "--customers", "100", "--end", "2023-03-01"}
			code, stdout, stderr := run(t, dir, args...)
			if code != 0 || stderr != "" {
				t.Fatalf("exit code %d\n%s", code, stderr)
			}
			lines := d.Value(t, "SELECT count(*) FROM order_lines")
			for _, want := range []string{
				"2023-01-01 to 2023-02-28, 100 customers, ", " " + lines + " order lines, ", "\nsources:\n", "type: " + string(kind), "url: ${SHOP_URL} # " + string(kind) + "://",
			} {
				if !strings.Contains(stdout, want) {
					t.Errorf("no %q in\n%s", want, stdout)
				}
			}
			if code, _, stderr := run(t, dir, args...); code != 1 || !strings.Contains(stderr, "--replace") {
				t.Errorf("a second time: exit code %d\n%s", code, stderr)
			}
			if code, _, stderr := run(t, dir, append(args, "--replace")...); code != 0 {
				t.Errorf("with --replace: exit code %d\n%s", code, stderr)
			}
		})
	}
}
