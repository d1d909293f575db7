// Package relational reads databases: the part that is the same for all of them. What
// differs is a Dialect.
//
// A table of the contract is mapped by a SELECT with a key. It is read in pages in the
// order of the key at first; after that, where it has a cursor, the rows whose cursor
// is not below that of an earlier pass. All of it is in one read-only snapshot. What a
// cursor cannot find (rows that are gone, or changed without it) verification does.
package relational

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/contract"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/source"
)

// Options configure a source.
type Options struct {
	Name     string
	TimeZone string           // IANA name of the zone of timestamps that carry none; "" is UTC
	Tables   map[string]Table // by the contract's names
	Limits   Limits
	Freeze   bool         // any change of a table's columns is an error
	Session  duck.Options // for reading lists of keys
}

// Table maps a table.
type Table struct {
	Select string   // in the server's dialect
	Key    []string // columns of the select that identify a row
	Cursor string   // column that grows with every change of a row; "" when there is none
	// Overlap is how far below the last cursor is read again: a duration ("10m") for a
	// time, a number ("1000") for an integer. "" is the dialect's own, and 1000.
	Overlap string
	Verify  int // days between verifications; 0 is never
}

// Source is a database.
type Source struct {
	o       Options
	d       Dialect
	zone    *time.Location
	limits  Limits
	mapping map[string]string // fingerprints
}

var _ source.Source = (*Source)(nil)

// New makes a source; nothing is connected yet.
func New(o Options, d Dialect) (*Source, error) {
	s := &Source{o: o, d: d, limits: o.Limits.withDefaults(), mapping: map[string]string{}}
	var err error
	if s.zone, err = time.LoadLocation(cmp.Or(o.TimeZone, "UTC")); err != nil {
		return nil, fmt.Errorf("source %s: time_zone: %w", o.Name, err)
	}
	s.o.Tables = map[string]Table{}
	for _, name := range sortedNames(o.Tables) {
		t := o.Tables[name]
		if _, err := contract.Lookup(name); err != nil {
			return nil, fmt.Errorf("source %s: %w", o.Name, err)
		}
		t.Select = strings.TrimRight(strings.TrimSpace(t.Select), "; \t\r\n")
		if err := t.check(); err != nil {
			return nil, fmt.Errorf("source %s: table %s: %w", o.Name, name, err)
		}
		s.o.Tables[name] = t
		sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%q\n%q\n%s", t.Select, t.Key, t.Cursor, s.zone))
		s.mapping[name] = hex.EncodeToString(sum[:6])
	}
	if len(s.o.Tables) == 0 {
		return nil, fmt.Errorf("source %s: it needs at least one table with a select", o.Name)
	}
	return s, nil
}

func sortedNames(tables map[string]Table) []string {
	var names []string
	for name := range tables {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (t Table) check() error {
	switch {
	case t.Select == "":
		return fmt.Errorf("it has no select")
	case len(t.Key) == 0:
		return fmt.Errorf("it has no key: name the columns of the select that identify a row")
	case t.Verify < 0:
		return fmt.Errorf("verify is %d days; expected 0 (never) or more", t.Verify)
	}
	for i, k := range t.Key {
		if slices.Contains(t.Key[:i], k) {
			return fmt.Errorf("key names column %s twice", k)
		}
	}
	if t.Overlap != "" {
		_, errTime := time.ParseDuration(t.Overlap)
		_, errCount := strconv.ParseInt(t.Overlap, 10, 64)
		if errTime != nil && errCount != nil || strings.HasPrefix(t.Overlap, "-") {
			return fmt.Errorf("overlap %q is neither a duration such as 10m nor a count such as 1000", t.Overlap)
		}
	}
	return nil
}

// Name is the configured name.
func (s *Source) Name() string { return s.o.Name }

// TimeZone is the zone of timestamps that carry none.
func (s *Source) TimeZone() string { return s.zone.String() }

// Close does nothing: connections belong to the readers.
func (s *Source) Close() error { return nil }

// names are the mapped tables in the contract's order.
func (s *Source) names() []string {
	var out []string
	for _, name := range contract.Names() {
		if _, ok := s.o.Tables[name]; ok {
			out = append(out, name)
		}
	}
	return out
}

// connect opens a session.
func (s *Source) connect(ctx context.Context) (Session, error) {
	sess, err := s.d.Connect(ctx, s.limits)
	if err != nil {
		return nil, fmt.Errorf("source %s: %w", s.o.Name, err)
	}
	return sess, nil
}
