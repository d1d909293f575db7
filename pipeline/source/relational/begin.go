package relational

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/source"
)

// settlement is what was known before the snapshot of a load.
type settlement struct {
	moment Moment
	cursor *int64 // of an integer cursor, the highest
}

// settle waits a little for the transactions that are open before tables are loaded, so
// that few or none of them can leave rows that the load has not seen. Without open
// transactions at a moment a, every row that a load does not see has a cursor of a or
// later. The moment is taken before the wait.
func (r *reader) settle(ctx context.Context, loads []*table) (map[*table]settlement, error) {
	out := map[*table]settlement{}
	var cursors int
	for _, t := range loads {
		if t.cursor < 0 {
			continue
		}
		cursors++
		s := settlement{}
		if _, isTime := ceiling(t.fields[t.cursor].Kind, 0, t.zone); !isTime {
			highest, err := r.highest(ctx, t, nil)
			if err != nil {
				return nil, fmt.Errorf("table %s: %w", t.name, r.explain(t, err))
			}
			s.cursor = highest
		}
		out[t] = s
	}
	if cursors == 0 {
		return out, nil
	}
	moment, err := r.sess.Now(ctx)
	if err != nil {
		return nil, err
	}
	for t, s := range out {
		s.moment = moment
		out[t] = s
	}
	open := moment.Open
	for waited, step := time.Duration(0), 5*time.Millisecond; len(open) > 0 && waited < r.limits.Settle; waited, step = waited+step, min(2*step, 200*time.Millisecond) {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(step):
		}
		if _, err := r.sess.Now(ctx); err != nil {
			return nil, err
		}
		open = r.sess.StillOpen(open)
	}
	return out, nil
}

// highest is the largest cursor, of those up to a bound if there is one.
func (r *reader) highest(ctx context.Context, t *table, bound *int64) (*int64, error) {
	f := t.fields[t.cursor]
	var where []string
	if bound != nil {
		where = append(where, t.d.Compare(f, "<=", numberText(f.Column, *bound)))
	}
	c := newCapture(1, []int{0})
	c.page(nowhere{}, math.MaxInt)
	if err := r.sess.Rows(ctx, t.query([]string{t.d.Extreme(f, true)}, where, nil, 0), []Field{f}, c); err != nil {
		return nil, fmt.Errorf("looking for the highest %s (an index that begins with it helps): %w", f.Name, err)
	}
	if !c.follows || c.last[0].is != cellNumber {
		return nil, nil
	}
	n := c.last[0].n
	return &n, nil
}

// mark is what a pass that begins in the reader's snapshot leaves.
func (r *reader) mark(ctx context.Context, t *table) (mark, error) {
	m := mark{Now: r.moment.Now, Open: sorted(r.moment.Open)}
	var bound *int64
	if v, ok := ceiling(t.fields[t.cursor].Kind, r.moment.Now, t.zone); ok {
		bound = &v
	}
	var err error
	m.Cursor, err = r.highest(ctx, t, bound)
	return m, err
}

// begin says what the reader's pass over a table is. s is given for a load.
func (r *reader) begin(ctx context.Context, t *table, s settlement) error {
	switch {
	case t.mustLoad():
		if err := r.beginLoad(ctx, t, s); err != nil {
			return err
		}
	case t.st.Pass != nil: // an earlier reader's
	case t.cursor < 0:
		t.passed = true // there is nothing to page by; verification looks
	default:
		return r.beginIncrement(ctx, t)
	}
	if t.st.Pass != nil && t.st.Pass.Load {
		rows, err := r.sess.Estimate(ctx, t.Select)
		if err != nil {
			return err
		}
		r.total += max(rows-t.st.Pass.Rows, 0)
	}
	return nil
}

func (r *reader) beginLoad(ctx context.Context, t *table, s settlement) error {
	if err := r.keyIsWhole(ctx, t); err != nil {
		return err
	}
	t.st.Verified = ""
	t.st.Marks, t.resumed = nil, false
	t.st.Pass = &pass{Load: true, Merge: t.known, Spans: []span{{}}}
	if err := r.split(ctx, t); err != nil {
		return err
	}
	if t.cursor < 0 {
		return nil
	}
	own, err := r.mark(ctx, t)
	if err != nil {
		return err
	}
	before := mark{Cursor: s.cursor, Now: s.moment.Now, Open: r.sess.StillOpen(s.moment.Open)}
	if v, ok := ceiling(t.fields[t.cursor].Kind, s.moment.Now, t.zone); ok && own.Cursor != nil {
		v = min(v, *own.Cursor)
		before.Cursor = &v
	}
	t.st.Pass.Marks = add(add([]mark{{Now: s.moment.Now}}, before), own)
	return nil
}

// keyIsWhole makes sure that no row has a key that is NULL: rows behind a position
// would leave it out.
func (r *reader) keyIsWhole(ctx context.Context, t *table) error {
	for _, f := range t.pick(t.key) {
		n, err := r.count(ctx, t, r.d.IsNull(f, true))
		switch {
		case err != nil && r.d.Class(err) == Timeout && ctx.Err() == nil: // the count of the verification will tell
		case err != nil:
			return err
		case n > 0:
			return fmt.Errorf("key %s of table %s: %s is NULL in %d rows: name columns that identify every row", t.keyText(), t.name, f.Name, n)
		}
	}
	return nil
}

func (r *reader) beginIncrement(ctx context.Context, t *table) error {
	from, marks := begin(t.st.Marks, r.sess.StillOpen)
	own, err := r.mark(ctx, t)
	if err != nil {
		return err
	}
	if own.Cursor == nil && from.Cursor != nil {
		own.Cursor = from.Cursor
	}
	t.st.Pass = &pass{Merge: true, Marks: add(marks, own)}
	f := t.fields[t.cursor]
	if low := from.low(f.Kind, t.overlap, t.zone); low != nil {
		t.st.Pass.Low = lowText(f.Column, *low)
	}
	held := time.Duration(r.moment.Now-from.Now) * time.Microsecond
	switch n := len(t.st.Marks); {
	case n == 0 || t.st.Marks[n-1].Cursor == nil: // nothing was there to read
	case from.Cursor == nil:
		r.warn(t, "a transaction that was open when the table was first read has ended; its rows may have any "+t.Cursor+", so the whole table is read again")
	case held > 48*time.Hour && len(t.st.Marks) > 1:
		r.warn(t, fmt.Sprintf("a transaction that was open for %d hours has ended; rows are read again from %s %s on", int(held.Hours()), t.Cursor, t.st.Pass.Low))
	}
	return nil
}

// lowText writes a cursor to read from. What is earlier than any that is represented
// means all.
func lowText(col source.Column, low int64) string {
	switch col.Kind {
	case source.Date:
		if low < minDays {
			return ""
		}
	case source.Timestamp, source.Instant:
		if low < minDays*microsOfDay {
			return ""
		}
	}
	return numberText(col, low)
}

const minDays = -719162 // 0001-01-01

// over ends the pass: its marks are the table's.
func (r *reader) over(t *table) {
	t.st.Marks, t.st.Pass = t.st.Pass.Marks, nil
}
