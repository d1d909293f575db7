package relational

import (
	"encoding/json"
	"fmt"

	"github.com/mainstay-etl/mainstay/pipeline/source"
)

// stateVersion is raised when a state that an older version reads would mislead it.
const stateVersion = 1

// state is what is known of a table, committed together with its rows.
type state struct {
	Version int    `json:"v"`
	Mapping string `json:"mapping"` // fingerprint of select, key and cursor
	Count   int64  `json:"count"`   // landings so far, of all mappings
	Columns []seen `json:"columns"` // of the last read
	Pass    *pass  `json:"pass,omitempty"`
	Marks   []mark `json:"marks,omitempty"`
	// Verified is the as-of day of the last certificate that matched.
	Verified string `json:"verified,omitempty"`
}

// seen is a column as it was read.
type seen struct {
	Name   string `json:"name"`
	Lands  string `json:"lands"`  // DuckDB type
	Server string `json:"server"` // the server's type
}

// pass is one that has begun: it holds what a new reader needs to go on with it.
type pass struct {
	Load  bool  `json:"load,omitempty"`
	Merge bool  `json:"merge,omitempty"` // rows may have been read before
	Rows  int64 `json:"rows"`            // landed so far
	// Marks are those of the table when the pass is over.
	Marks []mark `json:"marks,omitempty"`
	Spans []span `json:"spans,omitempty"` // of a load
	// Low is the cursor that an increment reads from; "" from the first.
	Low string `json:"low,omitempty"`
	// Nulls is how far the rows without a cursor were read, by key.
	Nulls span `json:"nulls"`
	// Rest is how far the others were read, by cursor and key.
	Rest span `json:"rest"`
}

// span is a range of positions and how far it was read.
type span struct {
	After []string `json:"after,omitempty"` // exclusive; nil: from the first
	Upto  string   `json:"upto,omitempty"`  // inclusive, of a single integer key; "": to the last
	At    []string `json:"at,omitempty"`    // position of the last row that landed
	Done  bool     `json:"done,omitempty"`
}

// from is the position behind which to go on.
func (s span) from() []string {
	if s.At != nil {
		return s.At
	}
	return s.After
}

func parseState(text string) (state, error) {
	if text == "" {
		return state{Version: stateVersion}, nil
	}
	var st state
	if err := json.Unmarshal([]byte(text), &st); err != nil {
		return st, fmt.Errorf("reading the state of the last extraction: %w", err)
	}
	if st.Version > stateVersion {
		return st, fmt.Errorf("the last extraction was made by a newer version of mainstay (state %d, this one reads up to %d): use that version or newer", st.Version, stateVersion)
	}
	return st, nil
}

func (st state) text() string {
	st.Version = stateVersion
	b, err := json.Marshal(st)
	if err != nil { // it has nothing that could fail
		panic(err)
	}
	return string(b)
}

func seenOf(fields []Field) []seen {
	out := make([]seen, len(fields))
	for i, f := range fields {
		out[i] = seen{Name: f.Name, Lands: f.Type(), Server: f.Server}
	}
	return out
}

func (s seen) column() source.Column { return source.ColumnOf(s.Name, duckName(s.Lands)) }

// duckName is the name by which source.ColumnOf knows a type.
func duckName(lands string) string {
	if lands == "TIMESTAMPTZ" {
		return "TIMESTAMP WITH TIME ZONE"
	}
	return lands
}
