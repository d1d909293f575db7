package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mainstay-etl/mainstay/pipeline/duck"
)

// resultFormats write a query's result row by row.
var resultFormats = map[string]func(io.Writer) duck.Sink{
	"table": func(w io.Writer) duck.Sink { return &tableSink{w: w} },
	"csv":   func(w io.Writer) duck.Sink { return &csvSink{w: csv.NewWriter(w)} },
	"json":  func(w io.Writer) duck.Sink { return &jsonSink{w: w} },
}

type csvSink struct {
	w     *csv.Writer
	types []string
}

func (s *csvSink) Header(cols, types []string) error {
	s.types = types
	return s.w.Write(cols)
}

func (s *csvSink) Row(vals []any) error {
	out := make([]string, len(vals))
	for i, v := range vals {
		out[i] = text(v, s.types[i])
	}
	return s.w.Write(out)
}

func (s *csvSink) End() error {
	s.w.Flush()
	return s.w.Error()
}

// jsonSink writes an array of objects, columns in their order.
type jsonSink struct {
	w           io.Writer
	cols, types []string
	n           int
}

func (s *jsonSink) Header(cols, types []string) error {
	s.cols, s.types = cols, types
	_, err := io.WriteString(s.w, "[")
	return err
}

func (s *jsonSink) Row(vals []any) error {
	var b strings.Builder
	if s.n > 0 {
		b.WriteString(",")
	}
	b.WriteString("\n{")
	for i, v := range vals {
		if i > 0 {
			b.WriteString(", ")
		}
		if err := jsonText(&b, s.cols[i]); err != nil {
			return fmt.Errorf("writing JSON: %w", err)
		}
		b.WriteString(": ")
		if err := jsonValue(&b, v, s.types[i]); err != nil {
			return fmt.Errorf("writing JSON, column %s: %w", s.cols[i], err)
		}
	}
	b.WriteString("}")
	s.n++
	_, err := io.WriteString(s.w, b.String())
	return err
}

func (s *jsonSink) End() error {
	_, err := io.WriteString(s.w, "\n]\n")
	return err
}

// tableSink aligns columns; widths come from the first rows, so that a long result
// still streams.
type tableSink struct {
	w      io.Writer
	cols   []string
	types  []string
	held   [][]string
	widths []int
	n      int
}

const (
	tableLookahead = 1000
	tableCellWidth = 80
)

func (s *tableSink) Header(cols, types []string) error {
	s.cols, s.types = cols, types
	return nil
}

func (s *tableSink) Row(vals []any) error {
	row := make([]string, len(vals))
	for i, v := range vals {
		row[i] = cell(text(v, s.types[i]))
		if v == nil {
			row[i] = "NULL"
		}
	}
	s.n++
	if s.widths == nil {
		if s.held = append(s.held, row); len(s.held) < tableLookahead {
			return nil
		}
		return s.flush()
	}
	return s.line(row)
}

// cell keeps a value on one line, and what it would tell a terminal to itself.
func cell(v string) string {
	if strings.ContainsFunc(v, unicode.IsControl) {
		q := []rune{}
		for _, r := range v {
			if unicode.IsControl(r) {
				q = append(q, []rune(strings.Trim(strconv.QuoteRune(r), "'"))...)
				continue
			}
			q = append(q, r)
		}
		v = string(q)
	}
	if utf8.RuneCountInString(v) > tableCellWidth {
		v = string([]rune(v)[:tableCellWidth-3]) + "..."
	}
	return v
}

func (s *tableSink) flush() error {
	s.widths = make([]int, len(s.cols))
	for _, row := range append([][]string{s.cols}, s.held...) {
		for i, v := range row {
			s.widths[i] = max(s.widths[i], utf8.RuneCountInString(v))
		}
	}
	if err := s.line(s.cols); err != nil {
		return err
	}
	rules := make([]string, len(s.cols))
	for i, w := range s.widths {
		rules[i] = strings.Repeat("-", w)
	}
	for _, row := range append([][]string{rules}, s.held...) {
		if err := s.line(row); err != nil {
			return err
		}
	}
	s.held = nil
	return nil
}

func (s *tableSink) line(row []string) error {
	var b strings.Builder
	for i, v := range row {
		pad := strings.Repeat(" ", max(0, s.widths[i]-utf8.RuneCountInString(v)))
		switch {
		case numeric(s.types[i]):
			b.WriteString(pad + v)
		case i == len(row)-1:
			b.WriteString(v)
		default:
			b.WriteString(v + pad)
		}
		if i < len(row)-1 {
			b.WriteString("  ")
		}
	}
	_, err := fmt.Fprintln(s.w, b.String())
	return err
}

func numeric(typ string) bool {
	name, _, _ := strings.Cut(typ, "(")
	switch name {
	case "INT", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT", "BIGNUM", "FLOAT", "DOUBLE":
		return true
	case "DECIMAL":
		return !strings.HasSuffix(typ, "]")
	}
	return false
}

func (s *tableSink) End() error {
	if s.widths == nil {
		if err := s.flush(); err != nil {
			return err
		}
	}
	unit := "rows"
	if s.n == 1 {
		unit = "row"
	}
	_, err := fmt.Fprintf(s.w, "(%s %s)\n", thousands(int64(s.n)), unit)
	return err
}
