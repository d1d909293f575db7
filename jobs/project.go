// Package jobs composes a night: one file per job, from the SQL models, the models
// that learn, the lake and the engine. All is the explicit list of a night's jobs and
// RunNight runs them, audits what they made and publishes it.
package jobs

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/config"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/durable"
	"github.com/mainstay-etl/mainstay/pipeline/limits"
	sqlfiles "github.com/mainstay-etl/mainstay/sql"
)

// Version of mainstay; a night records it and its results depend on it.
const Version = "0.1.0"

// code names the program itself: what another build made is not reused, because
// anything in it may decide a result.
var code = sync.OnceValue(func() string {
	exe, err := os.Executable()
	if err != nil {
		return Version
	}
	sum, _, err := durable.Digest(exe)
	if err != nil {
		return Version
	}
	return Version + "-" + sum
})

// Project is a loaded project: its configuration, its SQL models and where its data
// goes.
type Project struct {
	Config  *config.Config
	Models  *sqlfiles.Set
	DataDir string // absolute

	plan     *plan
	only     []pipeline.Day // cutoffs to make snapshots of, instead of those of a night
	shared   *shared        // of the night that runs
	today    pipeline.Day   // by the clock, for what follows a night; zero when it is not known
	gathered gathered       // of the night that runs
	// continues is the attempt that the night that runs goes on from.
	continues *Continued
}

// Load reads a project directory and checks all of it before any work: the
// configuration, the SQL models with their sidecars, and what each model reads.
// dataDir overrides the configuration's when it is not empty.
func Load(ctx context.Context, dir, dataDir string) (*Project, error) {
	p, err := LoadForExtraction(dir, dataDir)
	if err != nil {
		return nil, err
	}
	if p.plan, err = newPlan(ctx, p); err != nil {
		return nil, err
	}
	if err := p.checkPushTables(); err != nil {
		return nil, err
	}
	return p, p.checkJobNames()
}

// LoadForExtraction reads a project of which only the sources are wanted: what the SQL
// models read is not looked into, which takes time and memory.
func LoadForExtraction(dir, dataDir string) (*Project, error) {
	c, err := config.Load(dir, os.LookupEnv)
	if err != nil {
		return nil, err
	}
	if dataDir == "" {
		dataDir = string(c.Data)
	}
	if dataDir, err = filepath.Abs(dataDir); err != nil {
		return nil, fmt.Errorf("finding the data directory: %w", err)
	}
	models, err := loadModels(dir)
	if err != nil {
		return nil, err
	}
	return &Project{Config: c, Models: models, DataDir: dataDir}, nil
}

func loadModels(dir string) (*sqlfiles.Set, error) {
	own := filepath.Join(dir, "sql")
	var overlay fs.FS
	if st, err := os.Stat(own); err == nil && st.IsDir() {
		overlay = os.DirFS(own)
	}
	return sqlfiles.Load(overlay)
}

// session are the options of a session that makes a table: one thread, so that the
// same inputs give the same bytes.
func (p *Project) session(r *pipeline.Run) (duck.Options, error) {
	tmp, err := r.Scratch()
	if err != nil {
		return duck.Options{}, err
	}
	o := duck.Options{Threads: 1, TempDir: filepath.Join(tmp, "spill")}
	p.bound(&o)
	return o, nil
}

// bound gives a session its part of what the night may take: as many sessions run side by
// side as there are workers.
func (p *Project) bound(o *duck.Options) {
	shares := p.Shares()
	if o.Disk = shares.PerWorker(shares.Disk); shares.Memory > 0 {
		o.Memory = fmt.Sprintf("%dB", shares.PerWorker(shares.Memory))
	}
}

// Hold makes this process keep to what a night of the project may take: the Go runtime,
// and sessions that are opened for small questions.
func (p *Project) Hold() {
	p.Shares().Hold()
	var o duck.Options
	if p.bound(&o); o.Memory != "" {
		duck.Bound(o.Memory)
	}
}

// Shares is what a night of the project takes of the machine.
func (p *Project) Shares() limits.Shares {
	r := p.Config.Resources
	return limits.Share(int64(r.Memory), int64(r.Disk), r.Workers, p.DataDir)
}
