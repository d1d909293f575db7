package jobs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/config"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/limits"
	"github.com/mainstay-etl/mainstay/pipeline/warehouse"
)

// Grades of what a doctor found.
const (
	Healthy = "ok"
	Look    = "look" // works, but wants a look
	Broken  = "bad"  // a night would fail, or has failed
)

// Symptom is one thing that a doctor looked at.
type Symptom struct {
	Subject string // such as "disk"
	Grade   string // Healthy, Look or Broken
	Found   string
	Advice  string // what to do; "" when all is well
}

// doctor looks at one project and its data directory.
type doctor struct {
	project, dataDir string
	now              time.Time
	p                *Project // nil when it cannot be loaded
	out              []Symptom
}

// Examine checks what a support engineer would ask about a project: its configuration and
// sources, where its results are published to, the data directory and its disk, clocks, the
// ledger and the last nights, limits and versions. It changes nothing, and goes on behind
// whatever is broken. dataDir overrides the configuration's when it is not empty.
func Examine(ctx context.Context, project, dataDir string, now time.Time) []Symptom {
	d := &doctor{project: project, dataDir: dataDir, now: now}
	d.versions(ctx)
	d.configuration(ctx)
	d.machine()
	if d.dataDir != "" {
		d.directory()
		d.space(ctx)
		d.ledger(ctx)
		d.leftovers()
	}
	if d.p != nil {
		d.sources(ctx)
		d.pushTo(ctx)
	}
	return d.out
}

func (d *doctor) say(grade, subject, advice, format string, args ...any) {
	d.out = append(d.out, Symptom{Subject: subject, Grade: grade, Found: firstLine(fmt.Sprintf(format, args...)), Advice: advice})
}

// firstLine keeps a symptom on one line.
func firstLine(text string) string {
	line, _, more := strings.Cut(text, "\n")
	if more {
		return line + " ..."
	}
	return line
}

func (d *doctor) versions(ctx context.Context) {
	s, err := duck.Open(ctx, duck.Options{})
	if err != nil {
		d.say(Broken, "versions", "the program is not whole: install it again", "DuckDB does not start: %v", err)
		return
	}
	defer s.Close()
	var version string
	if err := s.Scan(ctx, "SELECT version()", &version); err != nil {
		d.say(Broken, "versions", "the program is not whole: install it again", "DuckDB does not answer: %v", err)
		return
	}
	d.say(Healthy, "versions", "", "mainstay %s, DuckDB %s, ledger format %d, %s on %s/%s", Version, strings.TrimPrefix(version, "v"), ledger.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

func (d *doctor) configuration(ctx context.Context) {
	if _, err := os.Stat(filepath.Join(d.project, config.FileName)); errors.Is(err, fs.ErrNotExist) && d.dataDir != "" {
		d.say(Look, "configuration", "name the project with --project to have it checked, too", "no project in %s: only the data directory is checked", d.project)
		return
	}
	p, err := Load(ctx, d.project, d.dataDir)
	if err != nil {
		d.say(Broken, "configuration", "correct it; `mainstay check` shows all of it", "%v", err)
		return
	}
	d.p, d.dataDir = p, p.DataDir
	g, err := p.Graph(nil)
	if err != nil {
		d.say(Broken, "configuration", "correct it; `mainstay check` shows all of it", "%v", err)
		return
	}
	d.say(Healthy, "configuration", "", "%s: %d sources, %d SQL models, %d tables a night", filepath.Join(d.project, config.FileName), len(p.Config.Sources), len(p.Models.All()), len(g.Jobs))
	d.secrets()
}

// leastMemory is what a worker should have; less makes CSV files hard to read.
const leastMemory = 256 << 20

func (d *doctor) machine() {
	all, from := limits.Memory()
	if all == 0 {
		d.say(Look, "memory", "set resources.memory in mainstay.yaml", "how much there is cannot be told on this system")
		return
	}
	found := fmt.Sprintf("%s may be used (the %s says so), %d processors", gigabytes(all), from, limits.CPUs())
	if d.p == nil {
		d.say(Healthy, "memory", "", "%s", found)
		return
	}
	s := d.p.Shares()
	found += fmt.Sprintf("; a night takes %s for SQL, for %d jobs side by side", gigabytes(s.Memory), s.Workers)
	switch {
	case s.Memory > all:
		d.say(Broken, "memory", "lower resources.memory in mainstay.yaml", "%s: more than there is", found)
	case s.PerWorker(s.Memory) < leastMemory:
		d.say(Look, "memory", "give it more, or set resources.memory", "%s: little for each", found)
	default:
		d.say(Healthy, "memory", "", "%s", found)
	}
}

func gigabytes(bytes int64) string {
	if bytes < 1<<30 {
		return fmt.Sprintf("%d MiB", bytes>>20)
	}
	return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30))
}

// directory tries in the data directory what a night does there.
func (d *doctor) directory() {
	if _, err := os.Stat(d.dataDir); errors.Is(err, fs.ErrNotExist) {
		d.say(Healthy, "data directory", "", "%s is not there yet: the first night makes it", d.dataDir)
		return
	}
	dir, err := os.MkdirTemp(d.dataDir, ".doctor-")
	if err != nil {
		d.say(Broken, "data directory", fmt.Sprintf("let the user that runs mainstay (uid %d) write there", os.Getuid()), "%v", err)
		return
	}
	defer os.RemoveAll(dir)
	one := filepath.Join(dir, "one")
	err = errors.Join(os.WriteFile(one, []byte("x"), 0o600), os.Rename(one, filepath.Join(dir, "two")), os.Symlink("two", filepath.Join(dir, "link")))
	if err != nil {
		d.say(Broken, "data directory", "use a file system with files, renames and symbolic links", "%v", err)
		return
	}
	if err := os.Link(filepath.Join(dir, "two"), filepath.Join(dir, "three")); err != nil {
		d.say(Look, "data directory", "a file system with hard links saves that space", "%s: no hard links, so published tables are copied", d.dataDir)
		return
	}
	d.say(Healthy, "data directory", "", "%s: files, renames and links work", d.dataDir)
}

// leftovers looks at what crashes and audits left.
func (d *doctor) leftovers() {
	if st, err := os.Stat(filepath.Join(d.dataDir, rejected)); err == nil {
		advice := "look into it (mainstay nights show tells the checks); once a night is published, mainstay gc removes it"
		if outlived(d.dataDir, rejected) {
			advice = "a night was published since: mainstay gc removes it"
		}
		d.say(Look, "leftovers", advice, "an audit held a night back on %s: %s", st.ModTime().Format(time.DateTime), rejected)
		return
	}
	var left []string
	if found, err := leftovers(d.dataDir); err == nil {
		left = append(left, found...)
	}
	if found, err := warehouse.Superseded(d.dataDir); err == nil {
		left = append(left, found...)
	}
	if len(left) == 0 {
		d.say(Healthy, "leftovers", "", "none")
		return
	}
	d.say(Healthy, "leftovers", "", "%d files and folders that no day shows any more: mainstay gc removes them, unless one is to be brought back", len(left))
}
