package config

import (
	"fmt"
	"math"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // time zones work on a machine that has none installed
)

// Path is an absolute file path. In the file a relative one counts from the
// project's folder, except when it begins with a variable from the
// environment: that comes from whoever runs the command, so it counts from the
// working directory like a path on the command line.
type Path string

// Glob is a Path with the wildcards of filepath.Match.
type Glob string

// roots are the absolute folders that relative paths count from.
type roots struct{ project, working string }

// path makes text, as written in the file, absolute.
func (r roots) path(text string, fromEnv bool) Path {
	switch {
	case text == "":
		return ""
	case filepath.IsAbs(text):
		return Path(filepath.Clean(text))
	case fromEnv:
		return Path(filepath.Join(r.working, text))
	}
	return Path(filepath.Join(r.project, text))
}

// glob is path for a pattern: wildcards in the folder's own name are escaped.
func (r roots) glob(text string, fromEnv bool) Glob {
	literal := roots{escapeGlob(r.project), escapeGlob(r.working)}
	return Glob(literal.path(text, fromEnv))
}

// escapeGlob makes filepath.Match take every character of a folder's name as
// it is. Windows has no escape; there such a folder cannot be matched.
func escapeGlob(dir string) string {
	if runtime.GOOS == "windows" {
		return dir
	}
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}

// Zone is the name of an IANA time zone, such as Europe/London.
type Zone string

// UnmarshalText checks that the zone exists.
func (z *Zone) UnmarshalText(text []byte) error {
	name := string(text)
	// Go takes "" for UTC and Local for the machine's own zone: a hidden input.
	if name == "" || strings.EqualFold(name, "local") {
		return fmt.Errorf("%q is not a time zone; expected an IANA name such as Europe/London or UTC", name)
	}
	if _, err := time.LoadLocation(name); err != nil {
		return fmt.Errorf("%q is not a time zone; expected an IANA name such as Europe/London or UTC", name)
	}
	*z = Zone(name)
	return nil
}

// Location returns the zone; UTC for a name that does not exist, which a
// loaded configuration cannot hold.
func (z Zone) Location() *time.Location {
	loc, err := time.LoadLocation(string(z))
	if err != nil {
		return time.UTC
	}
	return loc
}

// SourceType is the kind of a source.
type SourceType string

// The source types. A new one gets its constant here, its place in
// sourceTypes, a struct of its keys in Source and a case in checkSource.
const (
	TypeFiles    SourceType = "files"
	TypePostgres SourceType = "postgres"
	TypeMySQL    SourceType = "mysql" // MariaDB too
)

var (
	databaseTypes = []string{string(TypePostgres), string(TypeMySQL)}
	sourceTypes   = append([]string{string(TypeFiles)}, databaseTypes...)
)

// UnmarshalText checks that the type is known.
func (t *SourceType) UnmarshalText(text []byte) error {
	*t = SourceType(text)
	switch *t {
	case "postgresql", "pg":
		return fmt.Errorf("%q is not a source type; expected %s", text, TypePostgres)
	case "mariadb":
		return fmt.Errorf("%q is not a source type; expected %s, which reads MariaDB and MySQL", text, TypeMySQL)
	}
	return oneOf(string(text), "a source type", sourceTypes)
}

// Format is the format of files.
type Format string

// The file formats.
const (
	FormatCSV     Format = "csv"     // also gzipped
	FormatJSONL   Format = "jsonl"   // JSON Lines, also gzipped
	FormatParquet Format = "parquet" // Apache Parquet
)

var formats = []string{string(FormatCSV), string(FormatJSONL), string(FormatParquet)}

// UnmarshalText checks that the format is known.
func (f *Format) UnmarshalText(text []byte) error {
	*f = Format(text)
	return oneOf(string(text), "a format", formats)
}

// formatOf tells a format from the ending of a file name or glob; "" if it
// cannot.
func formatOf(name string) Format {
	name = strings.ToLower(name)
	switch filepath.Ext(strings.TrimSuffix(name, ".gz")) {
	case ".csv":
		return FormatCSV
	case ".jsonl", ".ndjson":
		return FormatJSONL
	case ".parquet":
		if !strings.HasSuffix(name, ".gz") {
			return FormatParquet
		}
	}
	return ""
}

// Bytes is an amount of memory.
type Bytes int64

// units from the largest, so that String finds the shortest form.
var units = []struct {
	name string
	size int64
}{
	{"TiB", 1 << 40}, {"TB", 1e12}, {"GiB", 1 << 30}, {"GB", 1e9},
	{"MiB", 1 << 20}, {"MB", 1e6}, {"KiB", 1 << 10}, {"KB", 1e3}, {"B", 1},
}

// minMemory is the least that a night can work with.
const minMemory = 64 << 20

// UnmarshalText reads a number and a unit, such as 2GB, 1.5 GiB or 512MB.
func (b *Bytes) UnmarshalText(text []byte) error {
	s := strings.TrimSpace(string(text))
	for _, u := range units {
		number, ok := cutSuffixFold(s, u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || math.IsNaN(n) || n < 0 || n*float64(u.size) > 1<<60 {
			break
		}
		if *b = Bytes(n * float64(u.size)); *b < minMemory {
			return fmt.Errorf("%q is too little; expected at least 64MiB", s)
		}
		return nil
	}
	return fmt.Errorf("%q is not an amount of memory; expected a number and a unit such as 2GB or 512MiB", s)
}

func cutSuffixFold(s, suffix string) (string, bool) {
	cut := len(s) - len(suffix)
	if cut < 0 || !strings.EqualFold(s[cut:], suffix) {
		return s, false
	}
	return s[:cut], true
}

// String gives the amount in the largest unit that divides it, in a form that
// UnmarshalText and DuckDB's memory_limit read back.
func (b Bytes) String() string {
	for _, u := range units {
		if b != 0 && int64(b)%u.size == 0 {
			return strconv.FormatInt(int64(b)/u.size, 10) + u.name
		}
	}
	return "0B"
}

func oneOf(text, what string, allowed []string) error {
	for _, a := range allowed {
		if text == a {
			return nil
		}
	}
	return fmt.Errorf("%q is not %s; expected %s%s", text, what, list(allowed), didYouMean(text, allowed))
}

// list writes what is allowed: `csv`, or `one of csv, jsonl`.
func list(allowed []string) string {
	if len(allowed) == 1 {
		return allowed[0]
	}
	return "one of " + strings.Join(allowed, ", ")
}
