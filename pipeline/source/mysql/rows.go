package mysql

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/mainstay-etl/mainstay/pipeline/source"
	"github.com/mainstay-etl/mainstay/pipeline/source/relational"
)

// Rows runs a query and gives its rows to sink.
func (s *session) Rows(ctx context.Context, query string, fields []relational.Field, sink relational.Sink) error {
	return s.each(ctx, query, len(fields), func(row []driver.Value) error {
		for i := range fields {
			if err := put(sink, i, &fields[i], row[i]); err != nil {
				return err
			}
		}
		return sink.EndRow()
	})
}

// each runs a query of so many columns and calls row for each of its rows. The values
// hold until row returns.
func (s *session) each(ctx context.Context, query string, columns int, row func([]driver.Value) error) (err error) {
	if s.conn == nil {
		return errClosed
	}
	rows, err := s.conn.QueryContext(ctx, query, nil)
	if err != nil {
		return s.explain(ctx, err)
	}
	defer func() {
		if e := rows.Close(); e != nil && err == nil {
			err = s.explain(ctx, e)
		}
	}()
	if n := len(rows.Columns()); n != columns {
		return fmt.Errorf("the server gives %d columns where %d are expected", n, columns)
	}
	values := make([]driver.Value, columns)
	for {
		switch err := rows.Next(values); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return s.explain(ctx, err)
		}
		if err := row(values); err != nil {
			return err
		}
	}
}

// put gives one value to a sink. The driver gives numbers as numbers and all else as
// the server's text.
func put(sink relational.Sink, i int, f *relational.Field, v driver.Value) error {
	ok := true
	switch v := v.(type) {
	case nil:
		sink.Null(i)
	case []byte:
		ok = putText(sink, i, f, v)
	case int64:
		ok = putInt(sink, i, f, v)
	case uint64:
		ok = f.Kind == source.Uint || f.Kind == source.Int && v < 1<<63
		if f.Kind == source.Uint {
			sink.Uint(i, v)
		} else {
			sink.Int(i, int64(v))
		}
	case float64:
		ok = f.Kind == source.Float
		sink.Float(i, v)
	default:
		ok = false
	}
	if !ok {
		return fmt.Errorf("column %s: the server gives %.50q (%T), which is no %s", f.Name, fmt.Sprint(v), v, f.Server)
	}
	return nil
}

func putInt(sink relational.Sink, i int, f *relational.Field, v int64) bool {
	switch {
	case f.Kind == source.Int:
		sink.Int(i, v)
	case f.Kind == source.Uint && v >= 0:
		sink.Uint(i, uint64(v))
	case f.Kind == source.Bool:
		sink.Bool(i, v != 0)
	default:
		return false
	}
	return true
}

func putText(sink relational.Sink, i int, f *relational.Field, v []byte) bool {
	switch f.Kind {
	case source.Text:
		sink.Text(i, v)
	case source.Bytes:
		sink.Blob(i, v)
	case source.Decimal:
		sink.DecimalText(i, v)
	case source.Date:
		if days, ok := parseDate(v); ok {
			sink.Date(i, days)
		} else {
			sink.Unfit(i, string(v))
		}
	case source.Timestamp, source.Instant:
		if micros, ok := parseTime(v); ok {
			sink.Time(i, micros)
		} else {
			sink.Unfit(i, string(v))
		}
	case source.Int:
		n, ok := parseInt(v)
		sink.Int(i, n)
		return ok
	case source.Uint:
		n, ok := parseUint(v)
		sink.Uint(i, n)
		return ok
	case source.Float:
		n, err := strconv.ParseFloat(string(v), 64)
		sink.Float(i, n)
		return err == nil
	default:
		return false
	}
	return true
}
