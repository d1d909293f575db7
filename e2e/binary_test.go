package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// binary is mainstay, built once for all tests.
var binary string

func TestMain(m *testing.M) {
	if data := os.Getenv(readerOf); data != "" {
		if err := read(data); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "mainstay-e2e-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "mainstay")
		if out, err := exec.Command("go", "build", "-o", binary, "../cmd/mainstay").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "building mainstay: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// result is how a run of the binary ended.
type result struct {
	code           int
	stdout, stderr string
}

// mainstay runs the binary with env added to the environment.
func mainstay(t *testing.T, env []string, args ...string) result {
	t.Helper()
	c := exec.Command(binary, args...)
	c.Env = append(os.Environ(), env...)
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return result{c.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// ok fails the test unless the run ended with exit code 0.
func (r result) ok(t *testing.T) result {
	t.Helper()
	if r.code != 0 {
		t.Fatalf("exit code %d\n%s\n%s", r.code, r.stdout, r.stderr)
	}
	return r
}

// published fails the test unless a night was published, with or without warnings: a small
// shop has too little to learn from, and the night says so.
func (r result) published(t *testing.T) result {
	t.Helper()
	if r.code != 0 && r.code != 4 {
		t.Fatalf("exit code %d\n%s\n%s", r.code, r.stdout, r.stderr)
	}
	return r
}

// initProject starts a project whose models are chosen in no time: the tests ask for
// nights, not for the last digit of a metric.
func initProject(t *testing.T, dir string) {
	t.Helper()
	mainstay(t, nil, "init", dir).ok(t)
	path := filepath.Join(dir, "mainstay.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	quick := string(text)
	for _, r := range [][2]string{{"search: 5 ", "search: 0 "}, {"max_cutoffs: 13 ", "max_cutoffs: 4 "}} {
		if !strings.Contains(quick, r[0]) {
			t.Fatalf("the new project does not say %s", r[0])
		}
		quick = strings.Replace(quick, r[0], r[1], 1)
	}
	if err := os.WriteFile(path, []byte(quick), 0o644); err != nil {
		t.Fatal(err)
	}
}

// has fails the test unless every text is in the output.
func (r result) has(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(r.stdout, text) {
			t.Errorf("%q is not in the output:\n%s", text, r.stdout)
		}
	}
}

// query asks the published warehouse and returns CSV without its header.
func query(t *testing.T, data, sql string) string {
	t.Helper()
	out := mainstay(t, nil, "query", "--data", data, "--format", "csv", sql).ok(t).stdout
	_, rows, _ := strings.Cut(out, "\n")
	return strings.TrimSpace(rows)
}

// files reads the published Parquet files of a day.
func files(t *testing.T, data, asOf string) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(data, "tables", "as_of="+asOf, "*.parquet"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no published tables of %s (%v)", asOf, err)
	}
	out := map[string]string{}
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.Base(p)] = string(b)
	}
	return out
}

func same(t *testing.T, what string, a, b map[string]string) {
	t.Helper()
	if len(a) != len(b) {
		t.Errorf("%s: %d files against %d", what, len(a), len(b))
	}
	for name := range a {
		if a[name] != b[name] {
			t.Errorf("%s: %s differs", what, name)
		}
	}
}
