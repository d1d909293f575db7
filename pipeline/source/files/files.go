// Package files is the source of files: globs of CSV (also gzipped), JSON Lines and
// Parquet, mapped to the contract by a SELECT.
//
// The SELECT reads a relation named input: the file's columns, as text for CSV and
// JSON Lines, typed for Parquet, plus _file (the file's name) and _row (the record's
// number in the file, from 1). Text stays text: the contract casts it afterwards and
// a value that does not fit sends its row to quarantine.
package files

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mainstay-etl/mainstay/pipeline/contract"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/durable"
	"github.com/mainstay-etl/mainstay/pipeline/source"
)

// Format of files.
type Format string

// The formats.
const (
	CSV     Format = "csv"
	JSONL   Format = "jsonl"
	Parquet Format = "parquet"
)

// Options configure a source of files.
type Options struct {
	Name     string
	Globs    []string          // absolute
	Format   Format            // "" goes by each file's extension
	CSV      CSVOptions        // for CSV only
	TimeZone string            // of timestamps that carry none
	Selects  map[string]string // contract table -> SELECT ... FROM input
	Session  duck.Options
}

// CSVOptions is the dialect of CSV files.
type CSVOptions struct {
	Delimiter   string   // default ","
	Quote       string   // "" for none
	Header      bool     // first line names the columns (else column0, column1, ...)
	NullStrings []string // texts that mean NULL, default the empty string
}

// Source is a source of files.
type Source struct {
	o       Options
	root    string // folder that all patterns share
	mapping string
	sess    *duck.Session // opened by the first Land and kept: many files are small
}

// New makes a source of files.
func New(o Options) (*Source, error) {
	if len(o.Globs) == 0 || len(o.Selects) == 0 {
		return nil, fmt.Errorf("source %s: it needs files and at least one table with a SELECT", o.Name)
	}
	for _, g := range o.Globs {
		if _, err := filepath.Match(g, ""); err != nil {
			return nil, fmt.Errorf("source %s: %q is not a file pattern: %w", o.Name, g, err)
		}
	}
	o.CSV.Delimiter = cmp.Or(o.CSV.Delimiter, ",")
	if len(o.CSV.Delimiter) != 1 || len(o.CSV.Quote) > 1 {
		return nil, fmt.Errorf("source %s: delimiter %q and quote %q must be one ASCII character each", o.Name, o.CSV.Delimiter, o.CSV.Quote)
	}
	if o.CSV.NullStrings == nil {
		o.CSV.NullStrings = []string{""}
	}
	return &Source{o: o, root: commonRoot(o.Globs), mapping: fingerprint(o)}, nil
}

// Name is the configured name.
func (s *Source) Name() string { return s.o.Name }

// TimeZone is the zone of timestamps that carry none.
func (s *Source) TimeZone() string { return s.o.TimeZone }

// Close ends the session that read the files.
func (s *Source) Close() error {
	if s.sess == nil {
		return nil
	}
	sess := s.sess
	s.sess = nil
	return sess.Close()
}

// fingerprint covers what decides how a file's bytes become rows.
func fingerprint(o Options) string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %+v %q\n", o.Format, o.CSV, o.TimeZone)
	for _, t := range tables(o.Selects) {
		fmt.Fprintf(h, "%s\n%s\n", t, o.Selects[t])
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}

// tables are the mapped tables in the contract's order.
func tables(selects map[string]string) []string {
	var out []string
	for _, name := range contract.Names() {
		if selects[name] != "" {
			out = append(out, name)
		}
	}
	return out
}

// commonRoot is the deepest folder that all patterns share, before any wildcard.
func commonRoot(globs []string) string {
	root := ""
	for i, g := range globs {
		dir := filepath.Dir(g)
		for strings.ContainsAny(dir, "*?[\\") && dir != filepath.Dir(dir) {
			dir = filepath.Dir(dir)
		}
		if i == 0 {
			root = dir
		}
		for root != dir && !strings.HasPrefix(dir, strings.TrimSuffix(root, "/")+"/") && root != filepath.Dir(root) {
			root = filepath.Dir(root)
		}
	}
	return root
}

// inputName is a file's path below the folder that the patterns share: it stays the same
// when the folder moves or is reached by another path.
func (s *Source) inputName(path string) string {
	if rel, err := filepath.Rel(s.root, path); err == nil && filepath.IsLocal(rel) {
		return filepath.ToSlash(rel)
	}
	return path
}

// path is where the file of an input is now.
func (s *Source) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(s.root, filepath.FromSlash(name))
}

// Inputs lists new and changed files, by path. A file counts as unchanged when size
// and modification time are those of the last reading; otherwise its content decides.
func (s *Source) Inputs(ctx context.Context, known source.Known) ([]source.Input, error) {
	paths, err := s.Paths()
	if err != nil {
		return nil, err
	}
	var out []source.Input
	for _, p := range paths {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		in, changed, err := s.look(p, known)
		if err != nil {
			return nil, fmt.Errorf("source %s: %w", s.o.Name, err)
		}
		if changed {
			out = append(out, in)
		}
	}
	return out, nil
}

// Paths lists the files that the patterns match now, sorted.
func (s *Source) Paths() ([]string, error) {
	var paths []string
	for _, g := range s.o.Globs {
		found, err := filepath.Glob(g)
		if err != nil {
			return nil, fmt.Errorf("source %s: listing %q: %w", s.o.Name, g, err)
		}
		if len(found) == 0 && !strings.ContainsAny(g, "*?[") {
			return nil, fmt.Errorf("source %s: no file %s", s.o.Name, g)
		}
		paths = append(paths, found...)
	}
	slices.Sort(paths)
	return slices.Compact(paths), nil
}

// Missing tells which patterns match no file at all: likely a wrong path.
func (s *Source) Missing() []string {
	var out []string
	for _, g := range s.o.Globs {
		if found, _ := filepath.Glob(g); len(found) == 0 {
			out = append(out, g)
		}
	}
	return out
}

func (s *Source) look(path string, known source.Known) (source.Input, bool, error) {
	st, err := os.Stat(path)
	if err != nil {
		return source.Input{}, false, fmt.Errorf("looking at file: %w", err)
	}
	if !st.Mode().IsRegular() {
		return source.Input{}, false, nil // a folder, or a pipe that would keep the night waiting
	}
	in := source.Input{Name: s.inputName(path), Size: st.Size(), ModifiedAt: st.ModTime().UTC().Truncate(1000)}
	old, seen := known.Input(in.Name)
	mappingSame := seen && strings.HasSuffix(old.Version, "-"+s.mapping)
	if mappingSame && old.Size == in.Size && old.ModifiedAt.Equal(in.ModifiedAt) {
		return in, false, nil
	}
	sum, _, err := durable.Digest(path)
	if err != nil {
		return source.Input{}, false, err
	}
	in.Version = sum + "-" + s.mapping
	return in, !seen || old.Version != in.Version, nil
}

// format of one file: as configured, else by extension.
func (s *Source) format(path string) (Format, error) {
	if s.o.Format != "" {
		return s.o.Format, nil
	}
	name := strings.TrimSuffix(strings.ToLower(path), ".gz")
	switch {
	case strings.HasSuffix(name, ".csv"):
		return CSV, nil
	case strings.HasSuffix(name, ".jsonl"), strings.HasSuffix(name, ".ndjson"):
		return JSONL, nil
	case strings.HasSuffix(name, ".parquet"):
		return Parquet, nil
	}
	return "", fmt.Errorf("%s: its extension is none of .csv, .csv.gz, .jsonl, .ndjson, .parquet: set the source's format", path)
}

// Land reads one file and writes its landing files into dir.
func (s *Source) Land(ctx context.Context, in source.Input, dir string) (source.Landed, error) {
	landed, err := s.landFile(ctx, in, dir)
	landed.Input, landed.Mode = in, source.Replace
	for _, path := range landed.Tables {
		if st, err := os.Stat(path); err == nil {
			landed.Bytes += st.Size()
		}
	}
	return landed, err
}

func (s *Source) landFile(ctx context.Context, in source.Input, dir string) (source.Landed, error) {
	in.Name = s.path(in.Name)
	format, err := s.format(in.Name)
	if err != nil {
		return source.Landed{}, err
	}
	if err := s.open(ctx); err != nil {
		return source.Landed{}, err
	}
	l := lander{Source: s, in: in, dir: dir}
	if err := l.load(ctx, format); err != nil {
		return l.out, fmt.Errorf("source %s: reading %s: %w", s.o.Name, in.Name, err)
	}
	if err := l.keepMalformed(ctx); err != nil {
		return l.out, fmt.Errorf("source %s: keeping malformed records of %s: %w", s.o.Name, in.Name, err)
	}
	if err := l.land(ctx); err != nil {
		return l.out, fmt.Errorf("source %s: mapping %s: %w", s.o.Name, in.Name, err)
	}
	return l.out, nil
}

// open makes the session ready for a file.
func (s *Source) open(ctx context.Context) (err error) {
	if s.sess != nil {
		for _, t := range []string{"input", "malformed", "lines", "numbered", "reject_errors", "reject_scans"} {
			if err := s.sess.Exec(ctx, "DROP TABLE IF EXISTS "+t); err != nil {
				return err
			}
		}
		return nil
	}
	o := s.o.Session
	o.TimeZone = s.o.TimeZone
	s.sess, err = duck.Open(ctx, o)
	return err
}
