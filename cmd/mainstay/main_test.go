package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
)

func TestExitCode(t *testing.T) {
	t.Parallel()
	plain := errors.New("plain")
	held := &ledger.HeldError{Holder: "another night"}
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{plain, 1},
		{fmt.Errorf("x: %w", plain), 1},
		{context.Canceled, 1},
		{usageError{plain}, 2},
		{fmt.Errorf("x: %w", usageError{plain}), 2},
		{errors.Join(plain, usageError{plain}), 2},
		{held, 3},
		{fmt.Errorf("x: %w", held), 3},
		{usageError{held}, 3}, // who looks for bad usage would look in vain
		{warningsError{2, "published"}, 4},
		{fmt.Errorf("x: %w", warningsError{2, "published"}), 4},
		{fmt.Errorf("x: %w", pipeline.ErrStopped), 5},
		{errors.Join(pipeline.ErrStopped, plain), 5},
	} {
		if got := exitCode(c.err); got != c.want {
			t.Errorf("%v: got %d, want %d", c.err, got, c.want)
		}
	}
	if err := (usageError{plain}); !errors.Is(err, plain) || err.Error() != "plain" {
		t.Errorf("a usage error must show its cause: %v", err)
	}
}

// Every command tells what it does and shows an example.
func TestEveryCommandHasHelp(t *testing.T) {
	t.Parallel()
	root := newRootCommand()
	for _, c := range root.Commands() {
		if c.Short == "" || !strings.Contains(c.Example, "mainstay "+c.Name()) {
			t.Errorf("%s: its help lacks a line or an example", c.Name())
		}
	}
	if len(root.Commands()) < 9 {
		t.Errorf("only %d commands", len(root.Commands()))
	}
	for code := range 5 {
		if !strings.Contains(root.Long, fmt.Sprintf("\n  %d  ", code)) {
			t.Errorf("exit code %d is not in the help", code)
		}
	}
}

// binary builds the real program once.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "mainstay-test-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "mainstay")
	out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput()
	if err != nil {
		return dir, fmt.Errorf("building mainstay: %w\n%s", err, out)
	}
	return path, nil
})

// built tells that there is something to remove.
var built atomic.Bool

func TestMain(m *testing.M) {
	code := m.Run()
	if built.Load() {
		path, _ := binary()
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// run runs the program in a directory.
func run(t *testing.T, dir string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	built.Store(true)
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	var out, errs bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &errs
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

func TestTheProgram(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program")
	}
	t.Parallel()
	empty, shop := t.TempDir(), filepath.Join(t.TempDir(), "shop")
	if code, _, stderr := run(t, empty, "init", shop); code != 0 {
		t.Fatalf("init: exit code %d: %s", code, stderr)
	}
	for _, c := range []struct {
		dir    string
		args   string
		code   int
		stdout string
		stderr string
	}{
		{empty, "", 0, "Usage:\n  mainstay\n  mainstay [command]", ""},
		{empty, "--help", 0, "Exit codes:", ""},
		{empty, "help run", 0, "mainstay run --project shop --as-of 2024-03-01", ""},
		{empty, "--version", 0, "mainstay version ", ""},
		{empty, "completion bash", 0, "complete", ""},
		{empty, "jbos", 2, "", `mainstay: "jbos" is no command of mainstay; did you mean jobs? (see ` + "`mainstay --help`)\n"},
		{empty, "nonsense run", 2, "", `"nonsense" is no command of mainstay (see`},
		{empty, "--nonsense", 2, "", "unknown flag: --nonsense (see `mainstay --help`)"},
		{empty, "run --nonsense", 2, "", "unknown flag: --nonsense (see `mainstay run --help`)"},
		{empty, "run extra", 2, "", "`mainstay run --help`"},
		{empty, "run", 2, "", "mainstay.yaml"},
		{empty, "run --as-of nonsense", 2, "", "mainstay.yaml"},
		{shop, "run --as-of nonsense", 2, "", `--as-of: "nonsense" is not a day; expected YYYY-MM-DD`},
		{shop, "run --as-of 2200-01-01", 2, "", "--as-of: 2200-01-01 is after today, which is "},
		{shop, "run --as-of 2200-01-01 --dry-run", 2, "", "(--future allows it"},
		{shop, "run --as-of 2200-01-01 --dry-run --future", 0, "customer_features", ""},
		{shop, "extract --as-of 2200-01-01", 2, "", "is the day mistyped, or the clock wrong?"},
		{shop, "backfill --from 2024-01-01 --to 2200-01-01 --every month", 2, "", "--to: 2200-01-01 is after today"},
		{shop, "backfill --from 2200-01-01 --dry-run --future", 0, "2200-01-01  run", ""},
		{shop, "run --as-of", 2, "", "flag needs an argument: --as-of"},
		{shop, "run --only churn_score", 2, "", "no such table in a night of this project: churn_score ("},
		{shop, "run --log-format xml", 2, "", `--log-format: "xml" is not a log format; expected one of auto, text, json`},
		{shop, "extract --log-level loud", 2, "", `--log-level: "loud" is not a log level`},
		{shop, "notify", 0, "mainstay notify test", ""},
		{shop, "notify nonsense", 2, "", `"nonsense" is no command of mainstay`},
		{shop, "notify test", 2, "", "there is no channel: add one under notify.channels in mainstay.yaml"},
		{shop, "notify test chat", 2, "", `"chat" is no channel of this project`},
		{shop, "publish push", 2, "", "mainstay.yaml names no database under publish.postgres"},
		{shop, "jobs", 0, "churn_scores", ""},
		{shop, "jobs --dot", 0, "digraph night {", ""},
		{shop, "query FROM_x", 2, "", "no warehouse in " + shop},
		{empty, "query FROM_x --data gone", 2, "", "no warehouse in " + filepath.Join(empty, "gone")},
		{empty, "query", 2, "", "accepts 1 arg(s), received 0"},
		{empty, "query SELECT 1", 2, "", "accepts 1 arg(s), received 2"},
		{shop, "query x --format xml", 2, "", `--format: "xml" is none of table, csv, json`},
		{shop, "nights", 2, "", "no ledger in " + shop},
		{empty, "nights --data gone", 2, "", "no ledger in " + filepath.Join(empty, "gone")},
		{shop, "nights show", 2, "", "`mainstay nights show ID`"},
		{shop, "nights show x", 2, "", `"x" is no night's number`},
		{shop, "schedule --next 2", 0, "  night 2", ""},
		{shop, "schedule --next x", 2, "", "--next"},
		{empty, "check", 2, "", "mainstay.yaml"},
		{empty, "init", 2, "", "accepts 1 arg(s), received 0"},
		{empty, "init " + shop, 2, "", shop},
		{empty, "generate", 2, "", "--dir is missing"},
		{empty, "generate --dir x --start tomorrow", 2, "", `--start: "tomorrow" is no day`},
		{empty, "generate --dir x --categories 99", 2, "", "99"},
		{empty, "demo --nights 0", 2, "", "--nights: 0 is out of range"},
		{empty, "demo --customers -5", 2, "", "--customers: -5 is out of range"},
	} {
		t.Run("mainstay "+c.args, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := run(t, c.dir, strings.Fields(c.args)...)
			if code != c.code || !strings.Contains(stdout, c.stdout) || !strings.Contains(stderr, c.stderr) {
				t.Errorf("exit code %d, want %d\nstdout: %s\nstderr: %s", code, c.code, stdout, stderr)
			}
			if code != 0 && (stdout != "" || strings.Count(stderr, "mainstay:") != 1) {
				t.Errorf("an error is one message on stderr; got\nstdout: %s\nstderr: %s", stdout, stderr)
			}
			if code == 0 && stderr != "" {
				t.Errorf("stderr: %s", stderr)
			}
		})
	}
	t.Cleanup(func() {
		if left, err := os.ReadDir(empty); err != nil || len(left) != 0 {
			t.Errorf("bad usage left %v, %v", left, err)
		}
	})
}
