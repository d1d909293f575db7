// Package source defines what a source of rows is: something that is read step by
// step, each step landing as Parquet files in the shape of the contract. Where the
// rows go after that is the lake's business.
package source

import (
	"context"
	"time"
)

// Input is a part of a source that is read as a whole or not at all: a file, a range
// of keys. An interrupted extraction goes on with the next one.
type Input struct {
	Name       string // unique within the source
	Version    string // changes when the content or the mapping does
	Size       int64  // bytes
	ModifiedAt time.Time
}

// Known tells what was committed by earlier extractions.
type Known struct {
	// Input tells what was read of an input before; ok is false for a new one.
	Input func(name string) (in Input, ok bool)
	// State is the text that the last committed landing of a contract table carried;
	// "" when there is none.
	State func(table string) string
	// AsOf is the day (YYYY-MM-DD) that the extraction runs for.
	AsOf string
}

// Nothing is known before the first extraction.
func Nothing(asOf string) Known {
	return Known{Input: func(string) (Input, bool) { return Input{}, false }, State: func(string) string { return "" }, AsOf: asOf}
}

// Mode says how a landing's rows relate to those that the lake holds.
type Mode int

const (
	// Replace: the landing holds all rows of its input, which take the place of the
	// rows of an earlier version of the input, if there is one.
	Replace Mode = iota
	// Append: no row of the landing was read before.
	Append
	// Merge: a row may have been read before. Those that equal what the lake holds are
	// duplicates, the others are new versions.
	Merge
)

// Landed is one input as landing files.
type Landed struct {
	Input Input
	Mode  Mode
	// Records in the input, before the mapping, the malformed ones included.
	Records int64
	// Tables holds, per contract table that the input feeds, a Parquet file of mapped
	// rows: the contract's columns as far as the mapping gives them, in whatever type,
	// extra columns, and _row (BIGINT, record number within the input, from 1).
	//
	// A row from a database also has _unfit (VARCHAR, see Unfit) and, since it can be
	// met again, a key: Keys names its columns.
	Tables map[string]string
	// Keys holds, per table of a database, the columns that identify a row in the
	// source. Append and Merge need them.
	Keys map[string][]string
	// States holds the tables' new states, to be committed together with the rows.
	States map[string]string
	// Malformed is a Parquet file of records that could not be taken apart, with
	// columns _row, detail and row (the record's text); "" when there are none.
	Malformed string
	// MalformedRecords counts them.
	MalformedRecords int64
	// Bytes of the landing files, for the caller that gathers several before a commit.
	Bytes int64
}

// Source is one configured source, used by one goroutine at a time.
type Source interface {
	// Name is the configured name.
	Name() string
	// TimeZone is the zone of timestamps that carry none (IANA name).
	TimeZone() string
	// Check looks at the source without reading its rows: is it there, may it be read,
	// does the mapping fit the contract? What is wrong with the mapping is in the
	// report; an error means that the look failed.
	Check(ctx context.Context, known Known) (Report, error)
	// Read begins an extraction of what is not known yet.
	Read(ctx context.Context, known Known) (Reader, error)
	// Close releases what the source holds.
	Close() error
}

// Reader is one pass over a source.
//
// The rows of a reader are those of one moment where the source can give that: a
// database is read in one snapshot. Bad rows are no errors: they are landed as they
// are and refused by the contract later. After an error, a cancellation or a crash, a
// new reader goes on behind the last landing that was committed, and both together
// give the rows of one undisturbed pass.
type Reader interface {
	// Progress tells how much of Total (inputs, or rows by the source's estimate) has
	// landed; total is 0 when nobody knows.
	Progress() (done, total int64, unit string)
	// Next lands the next input below dir, which must exist and be empty or hold what
	// a crash left. It returns io.EOF when there is nothing more.
	Next(ctx context.Context, dir string) (Landed, error)
	// Warnings are what somebody should read although the reading went on.
	Warnings() []string
	// Close ends the pass.
	Close() error
}

// Verifier is a Reader that can say what its tables hold, in the same snapshot, so
// that the lake can prove that it holds the same.
type Verifier interface {
	Reader
	// Due lists the contract tables that are to be verified in this pass, once Next
	// has returned io.EOF.
	Due() []string
	// List writes Parquet files of the key columns, in their landing types, and _hash
	// (BIGINT, see Digest) of every row of a table below dir.
	List(ctx context.Context, table, dir string) (Listing, error)
	// Fetch lands the rows of a table whose keys are in a Parquet file of the key
	// columns, as one Merge landing. Keys that the source does not have are no error.
	Fetch(ctx context.Context, table, keys, dir string) (Landed, error)
	// Verified gives the state of a table to commit with a certificate that matches.
	Verified(table string) string
}

// Listing is what a table of a source holds.
type Listing struct {
	Files []string // Parquet files of keys and hashes
	Keys  []string // names of the key columns
	Rows  int64    // as the source counts them, by a query of its own
}
