package files

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/mainstay-etl/mainstay/pipeline/duck"
)

// dialect says how a text file is taken apart.
type dialect struct {
	delimiter byte
	quote     byte // 0 for none
	header    bool
}

func (d dialect) quoteSQL() string {
	if d.quote == 0 {
		return "''"
	}
	return duck.Quote(string(d.quote))
}

func zipped(path string) bool { return strings.HasSuffix(strings.ToLower(path), ".gz") }

// compression in DuckDB's words; DuckDB itself would not know X.CSV.GZ.
func compression(path string) string {
	if zipped(path) {
		return "gzip"
	}
	return "none"
}

// openText opens a file, unzips it, and passes a byte order mark.
func openText(path string) (*bufio.Reader, io.Closer, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("opening file: %w", err)
	}
	b := bufio.NewReaderSize(f, 1<<16)
	if zipped(path) {
		z, err := gzip.NewReader(b)
		if err != nil {
			f.Close()
			return nil, nil, fmt.Errorf("unzipping: %w", err)
		}
		b = bufio.NewReaderSize(z, 1<<16)
	}
	if mark, _ := b.Peek(3); string(mark) == "\xef\xbb\xbf" {
		_, _ = b.Discard(3)
	}
	return b, f, nil
}

// columns gives the columns' names and the number of blank lines before the first
// record; no names for a file without a record.
func (d dialect) columns(path string) (names []string, blank int, err error) {
	r, f, err := openText(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	if blank, err = skipBlank(r); err != nil {
		return nil, 0, err
	}
	fields, err := d.record(r)
	if err != nil || fields == nil {
		return nil, blank, err
	}
	var seen []string
	for i, n := range fields {
		n = strings.TrimSpace(n)
		if !d.header {
			n = fmt.Sprintf("column%d", i)
		}
		switch {
		case n == "":
			return nil, 0, fmt.Errorf("line %d, the header: column %d has no name", blank+1, i+1)
		case slices.Contains(seen, strings.ToLower(n)):
			return nil, 0, fmt.Errorf("line %d, the header: two columns are named %q (case does not count)", blank+1, n)
		}
		seen = append(seen, strings.ToLower(n))
		names = append(names, n)
	}
	return names, blank, nil
}

// skipBlank reads over blank lines and counts them.
func skipBlank(r *bufio.Reader) (lines int, err error) {
	for {
		c, err := r.ReadByte()
		if errors.Is(err, io.EOF) {
			return lines, nil
		}
		if err != nil {
			return lines, fmt.Errorf("reading the first line: %w", err)
		}
		switch c {
		case '\n':
			lines++
		case '\r':
			if next, _ := r.Peek(1); len(next) == 0 || next[0] != '\n' {
				lines++
			}
		default:
			return lines, r.UnreadByte()
		}
	}
}

// record takes the first record apart; nil at the end of the file.
func (d dialect) record(r io.ByteReader) ([]string, error) {
	var fields []string
	var field []byte
	s := scanner{dialect: d}
	for n := 0; ; n++ {
		c, err := r.ReadByte()
		if errors.Is(err, io.EOF) && n == 0 {
			return nil, nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("reading the first line: %w", err)
		}
		if n > maxLine {
			return nil, fmt.Errorf("the first line is longer than %d bytes (is a quote never closed?)", maxLine)
		}
		switch kind := s.next(c); {
		case err != nil, kind == lineEnd:
			return append(fields, string(field)), nil
		case kind == fieldEnd:
			fields, field = append(fields, string(field)), nil
		case kind == data:
			field = append(field, c)
		}
	}
}

// unify copies a file so that all its lines end in LF. Line ends within quotes are
// data and stay.
func (d dialect) unify(from, to string) (err error) {
	r, in, err := openText(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return fmt.Errorf("copying with one kind of line end: %w", err)
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	w := bufio.NewWriterSize(out, 1<<16)
	s := scanner{dialect: d}
	for {
		c, err := r.ReadByte()
		if errors.Is(err, io.EOF) {
			return w.Flush()
		}
		if err != nil {
			return fmt.Errorf("copying with one kind of line end: %w", err)
		}
		if s.next(c) == lineEnd && c == '\r' {
			if next, _ := r.Peek(1); len(next) == 1 && next[0] == '\n' {
				continue
			}
			c = '\n'
		}
		_ = w.WriteByte(c) // Flush tells
	}
}

// scanner goes through text byte by byte and tells what each byte is.
type scanner struct {
	dialect
	state state
}

type state int

const (
	fieldStart state = iota
	plain
	quoted
	quoteInQuoted // the end of the quoted part, or the first of a doubled quote
)

type kind int

const (
	data kind = iota
	mark      // a quote that is not data
	fieldEnd
	lineEnd
)

func (s *scanner) next(c byte) kind {
	isQuote := s.quote != 0 && c == s.quote
	switch {
	case s.state == quoted && !isQuote:
		return data
	case s.state == quoted:
		s.state = quoteInQuoted
		return mark
	case s.state == quoteInQuoted && isQuote:
		s.state = quoted
		return data
	case s.state == fieldStart && isQuote:
		s.state = quoted
		return mark
	case c == s.delimiter:
		s.state = fieldStart
		return fieldEnd
	case c == '\n', c == '\r':
		s.state = fieldStart
		return lineEnd
	}
	s.state = plain
	return data
}
