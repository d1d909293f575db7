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

// checkZip reads a zipped file to its end: DuckDB takes half a file for a whole one.
func checkZip(path string) error {
	if !zipped(path) {
		return nil
	}
	r, f, err := openText(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := io.Copy(io.Discard, r); err != nil {
		return fmt.Errorf("unzipping (is the file complete?): %w", err)
	}
	return nil
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
		case n == "", strings.Contains(n, "\x00"):
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
	for ; ; lines++ {
		c, err := r.ReadByte()
		switch {
		case errors.Is(err, io.EOF):
			return lines, nil
		case err != nil:
			return lines, fmt.Errorf("reading the first line: %w", err)
		case c != '\n' && c != '\r':
			return lines, r.UnreadByte()
		}
		lineEndOf(c, r)
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

// unify copies a file from its first line that is not blank, so that all lines end in
// LF. Line ends within quotes are data and stay. It tells whether the file mixes kinds.
func (d dialect) unify(from string, to io.Writer) (mixed bool, err error) {
	r, in, err := openText(from)
	if err != nil {
		return false, err
	}
	defer in.Close()
	if _, err := skipBlank(r); err != nil {
		return false, err
	}
	w := bufio.NewWriterSize(to, 1<<16)
	s, ends := scanner{dialect: d}, map[string]bool{}
	for {
		c, err := r.ReadByte()
		if errors.Is(err, io.EOF) {
			return len(ends) > 1, w.Flush()
		}
		if err != nil {
			return false, fmt.Errorf("copying with one kind of line end: %w", err)
		}
		if s.next(c) == lineEnd {
			ends[lineEndOf(c, r)] = true
			c = '\n'
		}
		_ = w.WriteByte(c) // Flush tells
	}
}

// lineEndOf reads the rest of a line end that begins with c.
func lineEndOf(c byte, r *bufio.Reader) string {
	if next, _ := r.Peek(1); c == '\r' && len(next) == 1 && next[0] == '\n' {
		_, _ = r.Discard(1)
		return "\r\n"
	}
	return string(c)
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
