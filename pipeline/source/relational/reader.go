package relational

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/source"
	"github.com/mainstay-etl/mainstay/pipeline/source/landing"
)

// reader is one pass over a database, in one snapshot.
type reader struct {
	*Source
	sess     Session
	asOf     string
	moment   Moment // of the snapshot
	tables   []*table
	at       int // table being read
	warnings []string
	done     int64
	total    int64
	team     *team // reads spans side by side; nil when one connection does
}

var _ source.Verifier = (*reader)(nil)

// Read connects, looks at the tables and takes the snapshot.
func (s *Source) Read(ctx context.Context, known source.Known) (source.Reader, error) {
	sess, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	r := &reader{Source: s, sess: sess, asOf: known.AsOf}
	if err := r.open(ctx, known); err != nil {
		r.Close()
		return nil, fmt.Errorf("source %s: %w", s.o.Name, err)
	}
	return r, nil
}

func (r *reader) open(ctx context.Context, known source.Known) error {
	for _, name := range r.names() {
		t, err := r.describe(ctx, r.sess, name)
		if err != nil {
			return fmt.Errorf("table %s: %w", name, err)
		}
		if err := r.restore(t, known.State(name)); err != nil {
			return fmt.Errorf("table %s: %w", name, err)
		}
		r.tables = append(r.tables, t)
	}
	var loads []*table
	for _, t := range r.tables {
		if t.mustLoad() {
			loads = append(loads, t)
		}
	}
	settled, err := r.settle(ctx, loads)
	if err != nil {
		return err
	}
	if r.moment, err = r.sess.Begin(ctx, ""); err != nil {
		return err
	}
	for _, t := range r.tables {
		if err := r.begin(ctx, t, settled[t]); err != nil {
			return fmt.Errorf("table %s: %w", t.name, r.explain(t, err))
		}
	}
	return nil
}

// restore takes a table's state up, and compares what was read with what there is.
func (r *reader) restore(t *table, text string) error {
	var err error
	if t.st, err = parseState(text); err != nil {
		return err
	}
	t.known = text != ""
	t.resumed = t.st.Pass != nil
	if t.known && t.st.Mapping == t.mapping {
		warnings, err := drift(t.name, t.st.Columns, t.fields, r.o.Freeze)
		for _, w := range warnings {
			r.warn(t, w)
		}
		if err != nil {
			return err
		}
	}
	if t.known && t.st.Mapping != t.mapping {
		if err := clashes(t.name, t.st.Columns, t.fields); err != nil {
			return err
		}
	}
	t.st.Columns = seenOf(t.fields)
	return nil
}

// mustLoad tells whether a load of the table has to begin.
func (t *table) mustLoad() bool { return !t.known || t.st.Mapping != t.mapping }

func (r *reader) warn(t *table, text string) {
	r.warnings = append(r.warnings, fmt.Sprintf("source %s, table %s: %s", r.o.Name, t.name, text))
}

// Progress tells the rows that landed and, while there are loads, about how many there
// will be.
func (r *reader) Progress() (done, total int64, unit string) {
	total = r.total
	if total > 0 {
		total = max(total, r.done)
	}
	return r.done, total, "rows"
}

// Warnings are what somebody should read.
func (r *reader) Warnings() []string { return r.warnings }

// Close ends the sessions.
func (r *reader) Close() error {
	r.team.close()
	if r.sess == nil {
		return nil
	}
	sess := r.sess
	r.sess = nil
	return sess.Close()
}

// Next lands the next page.
func (r *reader) Next(ctx context.Context, dir string) (source.Landed, error) {
	for ; r.at < len(r.tables); r.at++ {
		t := r.tables[r.at]
		landed, ok, err := r.step(ctx, t, dir)
		if err != nil {
			if ctx.Err() != nil {
				return source.Landed{}, fmt.Errorf("source %s: reading %s: %w (%w)", r.o.Name, t.name, ctx.Err(), err)
			}
			return source.Landed{}, fmt.Errorf("source %s: reading %s: %w", r.o.Name, t.name, r.explain(t, err))
		}
		if ok {
			return landed, nil
		}
	}
	return source.Landed{}, io.EOF
}

// step reads a page of the table's pass; ok is false when nothing is left.
func (r *reader) step(ctx context.Context, t *table, dir string) (landed source.Landed, ok bool, err error) {
	if t.passed {
		return source.Landed{}, false, nil
	}
	if err := ctx.Err(); err != nil {
		return source.Landed{}, false, err
	}
	if t.st.Pass != nil && t.st.Pass.Load {
		return r.load(ctx, t, dir)
	}
	return r.increment(ctx, t, dir)
}

// file is a landing file that is being written.
type file struct {
	path string
	w    *landing.Writer
}

func (t *table) create(dir string, cols []source.Column, o landing.Options) (*file, error) {
	f := &file{path: filepath.Join(dir, t.name+".parquet")}
	var err error
	f.w, err = landing.Create(f.path, cols, o)
	return f, err
}

// page fills a page with the rows of a query, which is given the number of rows to ask
// for and the position behind which to begin. It tells whether more rows may follow.
func (t *table) page(ctx context.Context, d Dialect, sess Session, w *landing.Writer, c *capture, fields []Field, build func(limit int) string) (more bool, err error) {
	for {
		limit, bytes := t.pages.rows(), w.Bytes()
		start := time.Now()
		c.page(w, limit)
		err := sess.Rows(ctx, build(limit+1), fields, c)
		switch {
		case err == nil:
			t.pages.observe(limit, c.rows, w.Bytes()-bytes, time.Since(start))
			return c.more, nil
		case d.Class(err) != Timeout || ctx.Err() != nil || !t.pages.shrink(limit):
			return false, err
		case c.rows > 0:
			return true, nil // what came before the timeout is whole
		}
	}
}

// finish ends the file of a page and gives it as a landing of the table's state.
func (r *reader) finish(t *table, f *file, stage string, mode source.Mode) (source.Landed, error) {
	if err := f.w.Close(); err != nil {
		return source.Landed{}, err
	}
	return r.landed(t, f.path, f.w.Rows(), stage, mode)
}

func (r *reader) landed(t *table, path string, rows int64, stage string, mode source.Mode) (source.Landed, error) {
	st, err := os.Stat(path)
	if err != nil {
		return source.Landed{}, fmt.Errorf("looking at the landing file: %w", err)
	}
	t.st.Count++
	t.st.Mapping = t.mapping
	r.done += rows
	return source.Landed{
		Input: source.Input{
			Name:    fmt.Sprintf("%s/%s/%s/%d", t.name, stage, r.asOf, t.st.Count),
			Version: fmt.Sprintf("%s-%d", t.mapping, t.st.Count), Size: st.Size(), ModifiedAt: time.UnixMicro(r.moment.Now).UTC(),
		},
		Mode: mode, Records: rows, Bytes: st.Size(),
		Tables: map[string]string{t.name: path},
		Keys:   map[string][]string{t.name: t.Key},
		States: map[string]string{t.name: t.st.text()},
	}, nil
}
