package relational

import (
	"context"

	"github.com/mainstay-etl/mainstay/pipeline/source"
	"github.com/mainstay-etl/mainstay/pipeline/source/landing"
)

// load lands a page in the order of the key.
func (r *reader) load(ctx context.Context, t *table, dir string) (source.Landed, bool, error) {
	if r.team == nil {
		if err := r.gather(ctx, t, dir); err != nil {
			return source.Landed{}, false, err
		}
	}
	if r.team != nil {
		return r.together(ctx, t, dir)
	}
	p := t.st.Pass
	at := p.unfinished()
	f, err := t.create(dir, t.columns(), landing.Options{})
	if err != nil {
		return source.Landed{}, false, err
	}
	s, err := r.spanPage(ctx, r.sess, t, f.w, p.Spans[at])
	if err != nil {
		f.w.Close()
		return source.Landed{}, false, err
	}
	p.Spans[at] = s
	landed, err := r.loaded(t, f.path, f.w.Rows(), f.w.Close())
	return landed, err == nil, err
}

// loaded gives a page of a load as a landing, once its span is up to date.
func (r *reader) loaded(t *table, path string, rows int64, err error) (source.Landed, error) {
	if err != nil {
		return source.Landed{}, err
	}
	p := t.st.Pass
	p.Rows += rows
	mode := source.Append
	if p.Merge {
		mode = source.Merge
	}
	if p.unfinished() < 0 {
		r.over(t)
		r.again(t)
	}
	return r.landed(t, path, rows, "load", mode)
}

// again says what follows a pass. One that an earlier reader began is of an earlier
// moment; what came since is read as well.
func (r *reader) again(t *table) {
	t.passed = !t.resumed || t.cursor < 0
	t.resumed = false
}

func (p *pass) unfinished() int {
	for i, s := range p.Spans {
		if !s.Done {
			return i
		}
	}
	return -1
}

// spanPage reads one page of a span, and gives the span as it is then.
func (r *reader) spanPage(ctx context.Context, sess Session, t *table, w *landing.Writer, s span) (span, error) {
	keys := t.pick(t.key)
	c := newCapture(len(t.fields), t.key)
	c.check = t.strictlyAfter(keys)
	more, err := t.page(ctx, r.d, sess, w, c, t.fields, func(limit int) string {
		var where []string
		if from := s.from(); from != nil {
			where = append(where, r.d.After(keys, from))
		}
		if s.Upto != "" {
			where = append(where, r.d.Compare(keys[0], "<=", s.Upto))
		}
		return t.query(t.selects(t.fields), where, keys, limit)
	})
	if err != nil {
		return s, err
	}
	if c.rows > 0 {
		s.At = values(keys, c.last)
	}
	s.Done = !more
	return s, nil
}

// increment lands a page of the rows without a cursor, then of the others.
func (r *reader) increment(ctx context.Context, t *table, dir string) (source.Landed, bool, error) {
	if t.st.Pass == nil {
		if err := r.beginIncrement(ctx, t); err != nil {
			return source.Landed{}, false, err
		}
	}
	f, err := t.create(dir, t.columns(), landing.Options{})
	if err != nil {
		return source.Landed{}, false, err
	}
	stage, err := r.incrementPage(ctx, t, f)
	if err != nil {
		f.w.Close()
		return source.Landed{}, false, err
	}
	p := t.st.Pass
	p.Rows += f.w.Rows()
	if p.Rest.Done {
		r.over(t)
		r.again(t)
	}
	landed, err := r.finish(t, f, stage, source.Merge)
	return landed, err == nil, err
}

// incrementPage fills a file. Without a row that lacks the cursor it goes on at once
// with the others, so that a quiet night has one landing.
func (r *reader) incrementPage(ctx context.Context, t *table, f *file) (stage string, err error) {
	p := t.st.Pass
	cursor := t.fields[t.cursor]
	if !p.Nulls.Done {
		where := []string{r.d.IsNull(cursor, true)}
		if err := r.orderedPage(ctx, t, f.w, &p.Nulls, t.key, where); err != nil || f.w.Rows() > 0 {
			return "null", err
		}
	}
	var where []string
	switch {
	case p.Rest.At != nil:
	case p.Low == "":
		where = append(where, r.d.IsNull(cursor, false))
	default:
		where = append(where, r.d.Compare(cursor, ">=", p.Low))
	}
	return "increment", r.orderedPage(ctx, t, f.w, &p.Rest, t.position(), where)
}

func (r *reader) orderedPage(ctx context.Context, t *table, w *landing.Writer, s *span, by []int, where []string) error {
	order := t.pick(by)
	c := newCapture(len(t.fields), by)
	c.check = t.strictlyAfter(order)
	more, err := t.page(ctx, r.d, r.sess, w, c, t.fields, func(limit int) string {
		conditions := where
		if s.At != nil {
			conditions = append(conditions[:len(conditions):len(conditions)], r.d.After(order, s.At))
		}
		return t.query(t.selects(t.fields), conditions, order, limit)
	})
	if err != nil {
		return err
	}
	if c.rows > 0 {
		s.At = values(order, c.last)
	}
	s.Done = !more
	return nil
}
