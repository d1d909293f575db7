// Package config reads mainstay.yaml, the one file that describes a project:
// typed, with defaults, and checked so that every mistake is reported with its
// line and column. docs/configuration.md describes every key.
package config

import (
	"runtime"
	"time"
)

// FileName is the name of the configuration file in a project's folder.
const FileName = "mainstay.yaml"

// Config is a checked mainstay.yaml with its defaults filled in.
//
// Struct tags: yaml is the key; range is the inclusive range of a number;
// result:"no" keeps a key out of the Fingerprint, and result:"set" does while it has the
// zero value; only names the sources that a key belongs to, files or databases.
type Config struct {
	Name       string     `yaml:"name"`
	Data       Path       `yaml:"data" result:"no"`
	TimeZone   Zone       `yaml:"time_zone"`
	Sources    []Source   `yaml:"sources"`
	History    History    `yaml:"history"`
	CrossSell  CrossSell  `yaml:"cross_sell"`
	Margin     Margin     `yaml:"margin"`
	RiskBands  RiskBands  `yaml:"risk_bands"`
	Mining     Mining     `yaml:"mining"`
	Models     Models     `yaml:"models"`
	Quality    Quality    `yaml:"quality"`
	Schedule   Schedule   `yaml:"schedule" result:"no"` // the only one, unless Schedules has some
	Schedules  []Schedule `yaml:"schedules" result:"no"`
	Resources  Resources  `yaml:"resources" result:"no"`
	Jobs       Jobs       `yaml:"jobs" result:"no"`
	Notify     Notify     `yaml:"notify" result:"no"`
	Log        Log        `yaml:"log" result:"no"`
	Metrics    Metrics    `yaml:"metrics" result:"no"`
	Lineage    Lineage    `yaml:"lineage" result:"no"`
	Publish    Publish    `yaml:"publish" result:"no"`
	Retention  Retention  `yaml:"retention" result:"no"`
	ProjectDir string     `yaml:"-"` // as given to Load
}

// Source is where rows come from. Which keys belong to it depends on its type;
// the keys of each type are a struct of their own.
type Source struct {
	Name     string         `yaml:"name"`
	Type     SourceType     `yaml:"type"`
	TimeZone Zone           `yaml:"time_zone"`                // of timestamps that carry none
	Tables   []Table        `yaml:"tables"`                   // sorted by name
	Files    FilesSource    `yaml:",inline" only:"files"`     // zero for the other types
	Database DatabaseSource `yaml:",inline" only:"databases"` // types postgres and mysql; zero for the others
}

// FilesSource are the keys of a source of type files.
type FilesSource struct {
	Globs  []Glob `yaml:"files" result:"no"` // content is tracked file by file instead
	Format Format `yaml:"format"`
	CSV    CSV    `yaml:"csv"`
}

// CSV is the dialect of CSV files.
type CSV struct {
	Delimiter   string   `yaml:"delimiter"` // one ASCII character
	Header      bool     `yaml:"header"`
	Quote       string   `yaml:"quote"` // one ASCII character, or empty for none
	NullStrings []string `yaml:"null_strings"`
}

// Table maps a source to one table of the contract.
type Table struct {
	Name   string `yaml:",key"`
	Select string `yaml:"select"` // over the relation input, or in the SQL of the database

	// Key names the columns of Select that identify a row.
	Key []string `yaml:"key" result:"set" only:"databases"`
	// Cursor is a column of Select that grows when a row is added or changed; "" for none.
	Cursor  string  `yaml:"cursor" result:"set" only:"databases"`
	Overlap Overlap `yaml:"overlap" result:"set" only:"databases"`
	// Verify is the number of days from one comparison of all rows to the next; 0: never.
	Verify int `yaml:"verify" range:"0..365" result:"set" only:"databases"`
}

// History sets the windows of time, in whole days.
type History struct {
	LookbackDays int `yaml:"lookback_days" range:"1..3650"`
	HorizonDays  int `yaml:"horizon_days" range:"1..3650"`
	MinDays      int `yaml:"min_days" range:"1..3650"`   // known before a training cutoff
	MaxCutoffs   int `yaml:"max_cutoffs" range:"1..240"` // monthly snapshots, the latest ones
}

// CrossSell sets which categories are offered.
type CrossSell struct {
	Categories int `yaml:"categories" range:"1..1000"`
}

// Margin says what is assumed where a product's cost is unknown.
type Margin struct {
	DefaultRate float64 `yaml:"default_rate" range:"0..1"` // share of revenue
}

// RiskBands are the lowest churn probabilities of the bands high and medium.
type RiskBands struct {
	High   float64 `yaml:"high" range:"0..1"`
	Medium float64 `yaml:"medium" range:"0..1"`
}

// Models sets how the models are trained.
type Models struct {
	Seed      int64   `yaml:"seed" range:"0.."`
	Churn     Forest  `yaml:"churn"`
	CrossSell Forest  `yaml:"cross_sell"`
	MaxAUC    float64 `yaml:"max_auc" range:"0.5..1"` // at or above: taken for a leak
	// Search is what choosing among models may cost, in billions of values looked at (a
	// few seconds of one core each). 0 takes the simplest candidate that there is.
	Search float64 `yaml:"search" range:"0..1000000"`
}

// Forest are the hyper-parameters of a forest of decision trees.
type Forest struct {
	Trees    int `yaml:"trees" range:"1..10000"`
	MaxDepth int `yaml:"max_depth" range:"1..64"`
	MinLeaf  int `yaml:"min_leaf" range:"1..1000000"`
	MaxRows  int `yaml:"max_rows" range:"0.."` // 0: no limit
}

// Quality sets when a night's input is too bad to publish.
type Quality struct {
	MaxQuarantinedShare float64 `yaml:"max_quarantined_share" range:"0..1"`
	MaxDeletedShare     float64 `yaml:"max_deleted_share" range:"0..1"` // of a database table's rows, in one night
	HoldThinSnapshots   bool    `yaml:"hold_thin_snapshots"`            // fail a night whose snapshot holds far less than those learned from
}

// Resources limits what a night takes of the machine.
type Resources struct {
	Workers int   `yaml:"workers" range:"1..1024"`
	Memory  Bytes `yaml:"memory"` // for SQL; 0: a share of what there is
	Disk    Bytes `yaml:"disk"`   // for temporary files; 0: a share of what is free
	// Grace is how long jobs may go on after the night was told to stop.
	Grace Duration `yaml:"grace"`
}

// Default returns the configuration of an empty file. It has no name and no
// source, so it is not valid by itself, and its data path is relative to the
// project's folder still; workers is the number of CPUs
// that the process may use.
func Default() *Config {
	return &Config{
		Data:      "data",
		TimeZone:  "UTC",
		History:   History{LookbackDays: 180, HorizonDays: 90, MinDays: 90, MaxCutoffs: 13},
		CrossSell: CrossSell{Categories: 30},
		Margin:    Margin{DefaultRate: 0.30},
		RiskBands: RiskBands{High: 0.7, Medium: 0.4},
		Mining:    defaultMining(),
		Models: Models{
			Seed:      1,
			Churn:     Forest{Trees: 200, MaxDepth: 10, MinLeaf: 40},
			CrossSell: Forest{Trees: 100, MaxDepth: 8, MinLeaf: 60, MaxRows: 500_000},
			MaxAUC:    0.95,
			Search:    5,
		},
		Quality:   Quality{MaxQuarantinedShare: 1, MaxDeletedShare: 0.5, HoldThinSnapshots: true},
		Schedule:  defaultSchedule(),
		Resources: Resources{Workers: runtime.GOMAXPROCS(0), Grace: Duration(20 * time.Second)}, // which knows the control group
		Jobs:      defaultJobs(),
		Notify:    defaultNotify(),
		Log:       Log{Format: LogAuto, Level: "info"},
		Lineage:   Lineage{Timeout: Duration(10 * time.Second)},
		Publish:   defaultPublish(),
		Retention: defaultRetention(),
	}
}

// setDefaults fills a source before its keys are read.
func (s *Source) setDefaults() {
	s.Type = TypeFiles
	s.Files.CSV = CSV{Delimiter: ",", Header: true, Quote: `"`, NullStrings: []string{""}}
	s.Database = defaultDatabase()
}

// setDefaults fills a table before its keys are read.
func (t *Table) setDefaults() { t.Verify = 1 }

// Location returns the business time zone.
func (c *Config) Location() *time.Location { return c.TimeZone.Location() }

// Patterns returns the globs of a files source as plain strings, absolute and
// ready for filepath.Glob.
func (f FilesSource) Patterns() []string {
	out := make([]string, len(f.Globs))
	for i, g := range f.Globs {
		out[i] = string(g)
	}
	return out
}
