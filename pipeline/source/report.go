package source

import "time"

// Report is what a look at a source found.
type Report struct {
	Server string // what answered, such as "PostgreSQL 15.18"; "" for files
	// Clock is the server's clock at about the moment Seen of this machine's; zero where
	// the source has none.
	Clock, Seen time.Time
	Inputs      int      // files in all
	New         int      // files that are new or changed since the last extraction
	Bytes       int64    // of all files
	Missing     []string // file patterns without a file
	Tables      []TableReport
}

// TableReport is what a look at one mapped table found.
type TableReport struct {
	Table   string
	Rows    int64 // the server's own estimate; -1 when it has none
	Columns []ColumnReport
	// Problems are what does not fit, the mapping's errors first.
	Problems []Problem
}

// ColumnReport is one column that a mapping gives.
type ColumnReport struct {
	Name     string
	Found    string // the server's type
	Lands    string // the type it lands in
	Expected string // the contract's type; "" for a column that rides along
}

// Problem is one thing that does not fit.
type Problem struct {
	Column     string // "" when it is about the table
	Found      string
	Expected   string
	Suggestion string // what to do
	Warning    bool   // the extraction works all the same, or works partly
}

// Errors counts the problems that stop an extraction.
func (r Report) Errors() int {
	n := len(r.Missing)
	for _, t := range r.Tables {
		for _, p := range t.Problems {
			if !p.Warning {
				n++
			}
		}
	}
	return n
}
