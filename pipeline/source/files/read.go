package files

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/mainstay-etl/mainstay/pipeline/source"
)

// Check tells which files there are, how many are new, and which patterns match none.
func (s *Source) Check(ctx context.Context, known source.Known) (source.Report, error) {
	fresh, err := s.Inputs(ctx, known)
	if err != nil {
		return source.Report{}, err
	}
	r := source.Report{New: len(fresh), Missing: s.Missing()}
	paths, err := s.Paths()
	if err != nil {
		return r, err
	}
	for _, path := range paths {
		st, err := os.Stat(path)
		if err != nil {
			return r, fmt.Errorf("source %s: looking at file: %w", s.o.Name, err)
		}
		if st.Mode().IsRegular() {
			r.Inputs++
			r.Bytes += st.Size()
		}
	}
	return r, nil
}

// Read begins a pass over the files that are new or changed.
func (s *Source) Read(ctx context.Context, known source.Known) (source.Reader, error) {
	inputs, err := s.Inputs(ctx, known)
	if err != nil {
		return nil, err
	}
	return &reader{src: s, inputs: inputs}, nil
}

// reader lands one file after the other.
type reader struct {
	src    *Source
	inputs []source.Input
	next   int
}

// Progress counts files.
func (r *reader) Progress() (done, total int64, unit string) {
	return int64(r.next), int64(len(r.inputs)), "files"
}

// Next lands the next file. A file that cannot be read stays the next one.
func (r *reader) Next(ctx context.Context, dir string) (source.Landed, error) {
	if err := ctx.Err(); err != nil {
		return source.Landed{}, err
	}
	if r.next == len(r.inputs) {
		return source.Landed{}, io.EOF
	}
	landed, err := r.src.Land(ctx, r.inputs[r.next], dir)
	if err == nil {
		r.next++
	}
	return landed, err
}

// Warnings names the patterns that match no file.
func (r *reader) Warnings() []string {
	if missing := r.src.Missing(); len(missing) > 0 {
		return []string{fmt.Sprintf("source %s: no file matches %q: is the folder there, and readable?", r.src.o.Name, missing)}
	}
	return nil
}

// Close ends the pass.
func (r *reader) Close() error { return nil }
