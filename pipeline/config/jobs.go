package config

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Jobs bounds the jobs of a night: how long one may take, and how often it is tried again.
type Jobs struct {
	Retries int      `yaml:"retries" range:"0..100"` // after an error that can pass
	Backoff Duration `yaml:"backoff"`                // before the first retry; it doubles
	Timeout Duration `yaml:"timeout"`                // 0: none
	// SlowFactor: a job that takes this many times as long as usual is a warning; 0: never.
	SlowFactor float64  `yaml:"slow_factor" range:"0..1000"`
	SlowAfter  Duration `yaml:"slow_after"` // a job that takes less is never slow
	// Tables are limits of single jobs, by the names of the tables that they make.
	Tables []JobLimits `yaml:"tables"`
}

// JobLimits bounds one job; what it does not say is as for all.
type JobLimits struct {
	Table   string   `yaml:",key"`
	Retries int      `yaml:"retries" range:"-1..100"` // -1: as for all
	Timeout Duration `yaml:"timeout"`                 // 0: as for all
}

// setDefaults leaves everything as it is for all jobs.
func (j *JobLimits) setDefaults() { j.Retries = -1 }

func defaultJobs() Jobs {
	return Jobs{Retries: 3, Backoff: Duration(10 * time.Second), SlowFactor: 2, SlowAfter: Duration(time.Minute)}
}

// Of are the retries and the timeout of the job that makes a table.
func (j Jobs) Of(table string) (retries int, timeout time.Duration) {
	retries, timeout = j.Retries, time.Duration(j.Timeout)
	for _, t := range j.Tables {
		if t.Table != table {
			continue
		}
		if t.Retries >= 0 {
			retries = t.Retries
		}
		if t.Timeout > 0 {
			timeout = time.Duration(t.Timeout)
		}
	}
	return retries, timeout
}

// placesIn tells where each key of a file stands, as far as it can be read.
func placesIn(file string) map[string]place {
	src, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	d := &decoder{file: file, env: func(string) (string, bool) { return "", true }, places: map[string]place{}, failed: map[string]bool{}}
	if body, problem := readYAML(strings.ReplaceAll(string(src), "\r\n", "\n")); problem == nil {
		d.value(body, place{1, 1}, "", "", reflect.ValueOf(Default()).Elem())
	}
	return d.places
}

// CheckJobs makes sure that jobs.tables names tables that a night makes. The names are
// known only when the SQL models are loaded, so it is not part of Load.
func (c *Config) CheckJobs(made []string) error {
	var problems []Problem
	file := filepath.Join(c.ProjectDir, FileName)
	places := placesIn(file)
	for _, t := range c.Jobs.Tables {
		if slices.Contains(made, t.Table) {
			continue
		}
		path := "jobs.tables." + t.Table
		at := places[path]
		problems = append(problems, Problem{File: file, Line: at.line, Column: at.column, Path: path,
			Message: fmt.Sprintf("no job of a night makes this table; `mainstay jobs` lists them%s", didYouMean(t.Table, made))})
	}
	return newError(problems)
}
