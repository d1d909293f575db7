package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// checkBelongs refuses keys that other types of source have. Their defaults are taken
// away, so that a source holds the keys of its own type alone.
func (d *decoder) checkBelongs(s *Source, path string) {
	if !d.has(path+".type") && d.has(path+".url") {
		d.failAt(path+".type", "missing; expected %s: a source of type %s has no url", list(databaseTypes), TypeFiles)
	}
	if d.failed[path+".type"] {
		return
	}
	d.refuse(reflect.TypeFor[Source](), path, s.Type)
	for _, t := range s.Tables {
		d.refuse(reflect.TypeFor[Table](), path+".tables."+t.Name, s.Type)
	}
	if s.Type == TypeFiles {
		s.Database = DatabaseSource{}
		for i, t := range s.Tables {
			s.Tables[i] = Table{Name: t.Name, Select: t.Select}
		}
	} else {
		s.Files = FilesSource{}
	}
}

// refuse reports the keys below path that stand in the file and are of another type.
func (d *decoder) refuse(t reflect.Type, path string, typ SourceType) {
	for _, f := range fields(t) {
		if f.only == "" || !d.has(path+"."+f.key) || f.only == "files" == (typ == TypeFiles) {
			continue
		}
		others := []string{string(TypeFiles)}
		if f.only != "files" {
			others = databaseTypes
		}
		d.failAt(path+"."+f.key, "not a key of a source of type %s; expected it only with type %s", typ, strings.Join(others, " or "))
	}
}

// checkDatabase checks the keys of types postgres and mysql.
func (d *decoder) checkDatabase(s *Source, path string) {
	db, allowed := &s.Database, schemes[s.Type]
	if db.URL == "" {
		d.failAt(path+".url", "missing; expected ${SHOP_URL}, a variable that holds %s://user@host:port/database", allowed[0])
	} else if u, err := parseURL(string(db.URL)); err == nil && !slices.Contains(allowed, u.Scheme) {
		d.failAt(path+".url", "%s:// is no address of a source of type %s; expected %s://user@host:port/database", u.Scheme, s.Type, allowed[0])
	}
	if db.PasswordFile != "" && db.URL.HasPassword() {
		d.failAt(path+".password_file", "set, but the url has a password too; expected one of them")
	}
	d.checkLimits(&db.Limits, path+".limits")
	for _, t := range s.Tables {
		d.checkRows(t, path+".tables."+t.Name)
	}
}

func (d *decoder) checkLimits(l *Limits, path string) {
	for _, x := range []struct {
		key      string
		value    Duration
		min, max time.Duration
	}{
		{"query_time", l.QueryTime, 100 * time.Millisecond, time.Hour},
		{"statement_timeout", l.StatementTimeout, time.Second, 24 * time.Hour},
		{"lock_timeout", l.LockTimeout, 100 * time.Millisecond, time.Hour},
	} {
		if v := time.Duration(x.value); v < x.min || v > x.max {
			d.failAt(path+"."+x.key, "%s is out of range; expected a length of time from %s to %s", x.value, short(x.min), short(x.max))
		}
	}
	if l.QueryTime > l.StatementTimeout && !d.failed[path+".statement_timeout"] {
		key := ".query_time"
		if !d.has(path + key) {
			key = ".statement_timeout"
		}
		d.failAt(path+key, "query_time (%s) is longer than statement_timeout (%s); expected query_time <= statement_timeout", l.QueryTime, l.StatementTimeout)
	}
}

// short writes 1h, not 1h0m0s.
func short(v time.Duration) string {
	return strings.TrimSuffix(strings.TrimSuffix(v.String(), "0s"), "0m")
}

// checkRows checks how the rows of a table are told apart and found again.
func (d *decoder) checkRows(t Table, path string) {
	if len(t.Key) == 0 {
		d.failAt(path+".key", "missing; expected the columns of the select that identify a row, such as [id]")
	}
	for i, k := range t.Key {
		at := fmt.Sprintf("%s.key[%d]", path, i)
		if !d.has(at) {
			at = path + ".key" // a single value
		}
		if k == "" {
			d.failAt(at, "empty; expected the name of a column of the select")
		} else if slices.Contains(t.Key[:i], k) {
			d.failAt(at, "%q is named twice; expected each column once", k)
		}
	}
	if t.Cursor != "" {
		return
	}
	if t.Overlap != "" {
		d.failAt(path+".overlap", "set, but the table has no cursor; expected it only with one")
	}
	if t.Verify == 0 {
		d.failAt(path+".verify", "0 (never), and the table has no cursor: what changes would never be read; expected a cursor, or days from 1")
	}
}
