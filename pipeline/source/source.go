// Package source defines what a source of rows is: something that lists its inputs
// (a file, a key range) and lands one input at a time as Parquet files in the shape
// of the contract. Where the rows go after that is the lake's business.
package source

import (
	"context"
	"time"
)

// Input is a part of a source that is read as a whole or not at all, so that an
// interrupted extraction goes on with the next one.
type Input struct {
	Name       string // unique within the source
	Version    string // changes when the content or the mapping does
	Size       int64  // bytes
	ModifiedAt time.Time
}

// Known tells what was read of an input before; ok is false for a new one.
type Known func(name string) (in Input, ok bool)

// Landed is one input as landing files.
type Landed struct {
	// Records in the input, before the mapping, the malformed ones included.
	Records int64
	// Tables holds, per contract table that the source maps, a Parquet file of
	// mapped rows: the contract's columns as far as the mapping gives them, in
	// whatever type, extra columns, and _row (BIGINT, record number within the
	// input, from 1).
	Tables map[string]string
	// Malformed is a Parquet file of records that could not be taken apart, with
	// columns _row, detail and row (the record's text); "" when there are none.
	Malformed string
	// MalformedRecords counts them.
	MalformedRecords int64
}

// Source is one configured source.
//
// A source is used by one goroutine at a time. Inputs may be called at any time and
// must not change anything. Land writes only below dir, may be called again for an
// input after an error or a crash, and gives the same rows for the same version. An
// error from either ends the job; bad rows are no errors, they are landed as they are
// and refused by the contract later.
type Source interface {
	// Name is the configured name.
	Name() string
	// Inputs lists the inputs that are new or differ from what is known, in the order
	// in which they are to be read.
	Inputs(ctx context.Context, known Known) ([]Input, error)
	// Land reads one input and writes its landing files into dir.
	Land(ctx context.Context, in Input, dir string) (Landed, error)
	// TimeZone is the zone of timestamps that carry none (IANA name).
	TimeZone() string
	// Close releases what the source holds.
	Close() error
}
