package config

import (
	"cmp"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/mainstay-etl/mainstay/pipeline/contract"
)

var (
	projectName = regexp.MustCompile(`^[a-z][a-z0-9_-]*$`)
	sourceName  = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
)

// check looks at what a single value cannot tell: what is missing, what does
// not fit together. It fills in the defaults that come from other keys.
func (d *decoder) check(c *Config) {
	if c.Name == "" {
		d.failAt("name", "missing; expected a short name such as online-retail")
	} else if !projectName.MatchString(c.Name) {
		d.failAt("name", "%q is not a name; expected a-z, 0-9, - and _, beginning with a letter", c.Name)
	}
	if c.Data == "" {
		d.failAt("data", "empty; expected a folder such as ./data")
	}
	if len(c.Sources) == 0 {
		d.failAt("sources", "no source; expected at least one")
	}
	taken := map[string]int{}
	for i := range c.Sources {
		d.checkSource(&c.Sources[i], fmt.Sprintf("sources[%d]", i), i, taken, c.TimeZone)
	}
	d.checkSettings(c)
	d.checkSchedules(c)
	d.checkGrace(c)
	d.checkTelling(c)
	d.checkRetention(c)
}

// checkSettings checks what decides the results of SQL models.
func (d *decoder) checkSettings(c *Config) {
	if c.RiskBands.Medium >= c.RiskBands.High && !d.failed["risk_bands.high"] {
		path := "risk_bands.medium"
		if !d.has(path) {
			path = "risk_bands.high"
		}
		d.failAt(path, "medium (%g) is not below high (%g); expected medium < high", c.RiskBands.Medium, c.RiskBands.High)
	}
	d.checkMining(&c.Mining)
}

// checkSource checks one source; taken holds the names before it.
func (d *decoder) checkSource(s *Source, path string, index int, taken map[string]int, zone Zone) {
	first, twice := taken[s.Name]
	switch {
	case s.Name == "":
		d.failAt(path+".name", "missing; expected a name such as shop")
	case !sourceName.MatchString(s.Name):
		d.failAt(path+".name", "%q is not a name; expected a-z, 0-9 and _, beginning with a letter", s.Name)
	case twice:
		d.failAt(path+".name", "%q is the name of sources[%d] already; expected a name of its own", s.Name, first)
	default:
		taken[s.Name] = index
	}
	if s.TimeZone == "" {
		s.TimeZone = zone
	}
	d.checkBelongs(s, path)
	switch s.Type {
	case TypeFiles:
		if !d.failed[path+".type"] {
			d.checkFiles(&s.Files, path)
		}
	case TypePostgres, TypeMySQL:
		d.checkDatabase(s, path)
	}
	d.checkTables(s, path+".tables")
}

func (d *decoder) checkTables(s *Source, path string) {
	if len(s.Tables) == 0 {
		d.failAt(path, "no table; expected %s", list(contract.Names()))
	}
	for i, t := range s.Tables {
		// The SELECT becomes a subquery, where a closing semicolon is an error.
		s.Tables[i].Select = strings.TrimSuffix(strings.TrimSpace(t.Select), ";")
		at := path + "." + t.Name
		if !slices.Contains(contract.Names(), t.Name) {
			d.failAt(at, "%q is not a table of the contract; expected %s%s", t.Name, list(contract.Names()), didYouMean(t.Name, contract.Names()))
		} else if s.Tables[i].Select == "" {
			over := "over the relation input"
			if s.Type == TypePostgres || s.Type == TypeMySQL {
				over = "in the SQL of the database"
			}
			d.failAt(at+".select", "missing; expected a SELECT %s", over)
		}
	}
	slices.SortStableFunc(s.Tables, func(a, b Table) int { return cmp.Compare(a.Name, b.Name) })
}

// checkFiles checks the keys of type files and tells the format from the
// endings when it is not given.
func (d *decoder) checkFiles(f *FilesSource, path string) {
	if len(f.Globs) == 0 {
		d.failAt(path+".files", "no files; expected a glob such as ./incoming/*.csv, or a list of globs")
		return
	}
	if good := d.checkGlobs(f, path+".files"); good && f.Format == "" {
		d.guessFormat(f, path)
	}
	d.checkCSV(f, path)
}

func (d *decoder) checkGlobs(f *FilesSource, path string) bool {
	good := !d.failed[path]
	for i, g := range f.Globs {
		at := fmt.Sprintf("%s[%d]", path, i)
		if g == "" {
			d.failAt(at, "empty; expected a glob such as ./incoming/*.csv")
		} else if _, err := filepath.Match(string(g), ""); err != nil {
			d.failAt(at, "a [ without its ]; expected a glob with *, ? and [a-z]")
		}
		good = good && !d.failed[at]
	}
	return good
}

func (d *decoder) guessFormat(f *FilesSource, path string) {
	for i, g := range f.Globs {
		format := formatOf(string(g))
		switch {
		case format == "":
			d.failAt(path+".format", "missing, and the ending of %q does not tell it; expected %s", filepath.Base(string(g)), list(formats))
			return
		case i > 0 && format != f.Format:
			d.failAt(path+".files", "%q is %s but %q is %s; expected one format per source",
				filepath.Base(string(f.Globs[0])), f.Format, filepath.Base(string(g)), format)
			return
		}
		f.Format = format
	}
}

func (d *decoder) checkCSV(f *FilesSource, path string) {
	at := path + ".csv"
	if d.has(at) && f.Format != "" && f.Format != FormatCSV && !d.failed[path+".format"] {
		d.failAt(at, "set, but the format is %s; expected it only with format csv", f.Format)
		return
	}
	if !isCSVMark(f.CSV.Delimiter) {
		d.failAt(at+".delimiter", "%q cannot part columns; expected one ASCII character such as , or ; or \"\\t\"", f.CSV.Delimiter)
	}
	if f.CSV.Quote != "" && (!isCSVMark(f.CSV.Quote) || f.CSV.Quote == f.CSV.Delimiter) {
		d.failAt(at+".quote", "%q cannot quote values; expected one ASCII character other than the delimiter, or \"\" for none", f.CSV.Quote)
	}
}

func isCSVMark(s string) bool {
	return len(s) == 1 && (s == "\t" || s[0] >= ' ' && s[0] < 0x7f)
}
