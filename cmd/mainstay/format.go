package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/big"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mainstay-etl/mainstay/pipeline/duck"
)

// resultFormats write a query's result row by row.
var resultFormats = map[string]func(io.Writer) duck.Sink{
	"table": func(w io.Writer) duck.Sink { return &tableSink{w: w} },
	"csv":   func(w io.Writer) duck.Sink { return &csvSink{w: csv.NewWriter(w)} },
	"json":  func(w io.Writer) duck.Sink { return &jsonSink{w: w} },
}

// text writes a value for people and CSV files; NULL is "".
func text(v any, typ string) string {
	switch x := v.(type) {
	case nil:
		return ""
	case time.Time:
		return timeText(x, typ)
	case float64:
		return numberText(x)
	case float32:
		return numberText(float64(x))
	case []byte:
		return fmt.Sprintf("%x", x)
	case string, bool, int8, int16, int32, int64, uint8, uint16, uint32, uint64, *big.Int:
		return fmt.Sprint(x)
	case fmt.Stringer:
		return x.String()
	}
	b, err := json.Marshal(jsonValue(v, ""))
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}

func timeText(t time.Time, typ string) string {
	switch {
	case typ == "DATE":
		return t.Format(time.DateOnly)
	case strings.HasPrefix(typ, "TIMESTAMP WITH"), typ == "TIMESTAMPTZ":
		return t.UTC().Format("2006-01-02 15:04:05.999999Z07:00")
	case typ == "TIME":
		return t.Format("15:04:05.999999")
	}
	return t.Format("2006-01-02 15:04:05.999999")
}

func numberText(x float64) string {
	if x == math.Trunc(x) && math.Abs(x) < 1e15 {
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprint(x)
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
		name, err := json.Marshal(s.cols[i])
		if err != nil {
			return fmt.Errorf("writing JSON: %w", err)
		}
		value, err := json.Marshal(jsonValue(v, s.types[i]))
		if err != nil {
			return fmt.Errorf("writing JSON, column %s: %w", s.cols[i], err)
		}
		b.Write(name)
		b.WriteString(": ")
		b.Write(value)
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

// jsonValue maps a driver's value to what JSON can hold: decimals stay exact numbers,
// NaN and infinities become text.
func jsonValue(v any, typ string) any {
	switch x := v.(type) {
	case time.Time:
		return timeText(x, typ)
	case float64:
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Sprint(x)
		}
		return x
	case []byte:
		return fmt.Sprintf("%x", x)
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = jsonValue(e, "")
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for k, e := range x {
			out[k] = jsonValue(e, "")
		}
		return out
	case duck.Decimal:
		return json.Number(x.String())
	}
	return v
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

// cell keeps a value on one line.
func cell(v string) string {
	v = strings.NewReplacer("\n", "\\n", "\r", "\\r", "\t", "\\t").Replace(v)
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
	for _, t := range []string{"INT", "DOUBLE", "FLOAT", "DECIMAL"} {
		if strings.Contains(typ, t) && !strings.Contains(typ, "[") {
			return true
		}
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
