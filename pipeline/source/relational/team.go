package relational

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"sync"

	"github.com/mainstay-etl/mainstay/pipeline/source"
	"github.com/mainstay-etl/mainstay/pipeline/source/landing"
)

// spansEach connection gets, so that one with few rows does not end the work of its
// connection early.
const spansEach = 4

// split divides a load into spans, where several connections are allowed and the key
// is one integer.
func (r *reader) split(ctx context.Context, t *table) error {
	keys := t.pick(t.key)
	if r.limits.Connections < 2 || len(keys) != 1 || keys[0].Kind != source.Int {
		return nil
	}
	c := newCapture(2, []int{0, 1})
	c.page(nowhere{}, math.MaxInt)
	bounds := []string{t.d.Extreme(keys[0], false), t.d.Extreme(keys[0], true)}
	if err := r.sess.Rows(ctx, t.query(bounds, nil, nil, 0), []Field{keys[0], keys[0]}, c); err != nil {
		return fmt.Errorf("looking for the first and last key: %w", err)
	}
	if c.rows == 1 && c.last[0].is == cellNumber && c.last[1].is == cellNumber {
		t.st.Pass.Spans = spans(keys[0].Column, c.last[0].n, c.last[1].n, r.limits.Connections*spansEach)
	}
	return nil
}

// spans divides keys from low to high. The first and the last span have no end there.
func spans(col source.Column, low, high int64, n int) []span {
	var out []span
	var after []string
	width := uint64(high) - uint64(low) // high is not below low
	for i := 1; i < n && width >= uint64(n); i++ {
		upto := numberText(col, int64(uint64(low)+width/uint64(n)*uint64(i)))
		out = append(out, span{After: after, Upto: upto})
		after = []string{upto}
	}
	return append(out, span{After: after})
}

// team reads the spans of a table side by side, one goroutine and connection each, all
// in the reader's snapshot. Each writes one page ahead.
type team struct {
	t      *table
	dir    string // of the pages that nobody has asked for yet
	pages  chan ahead
	cancel context.CancelFunc
	work   sync.WaitGroup
}

// ahead is a page that was read before it was asked for.
type ahead struct {
	span int
	now  span
	path string
	rows int64
	err  error
}

// gather starts a team for the load at hand, if it has several spans to go and the
// server lets connections share a snapshot.
func (r *reader) gather(ctx context.Context, t *table, dir string) error {
	var todo []int
	for i, s := range t.st.Pass.Spans {
		if !s.Done {
			todo = append(todo, i)
		}
	}
	n := min(r.limits.Connections, len(todo))
	if n < 2 {
		return nil
	}
	snapshot, err := r.sess.Export(ctx)
	if err != nil || snapshot == "" {
		return err
	}
	// It outlives the call for one page, so that call's context must not end it.
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	g := &team{t: t, pages: make(chan ahead), cancel: cancel}
	r.team = g
	if g.dir, err = os.MkdirTemp(filepath.Dir(dir), "ahead-"); err != nil {
		return fmt.Errorf("creating a folder for pages: %w", err)
	}
	queue := make(chan int, len(todo))
	for _, i := range todo {
		queue <- i
	}
	close(queue)
	all := append([]span{}, t.st.Pass.Spans...)
	for i := range n {
		member := *t
		member.pages = newPages(r.limits.QueryTime)
		g.work.Add(1)
		go func() {
			defer g.work.Done()
			sess := r.sess // the reader has no other work for it
			var err error
			if i > 0 {
				sess, err = r.join(life, snapshot)
			}
			if err == nil {
				err = r.member(life, &member, sess, all, queue)
			}
			if i > 0 && sess != nil {
				sess.Close()
			}
			if err != nil {
				g.send(life, ahead{err: err})
			}
		}()
	}
	go func() {
		g.work.Wait()
		close(g.pages)
	}()
	return nil
}

// join opens a session in a snapshot.
func (r *reader) join(ctx context.Context, snapshot string) (Session, error) {
	sess, err := r.connect(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := sess.Begin(ctx, snapshot); err != nil {
		sess.Close()
		return nil, err
	}
	return sess, nil
}

// member reads spans until none is left.
func (r *reader) member(ctx context.Context, t *table, sess Session, all []span, queue <-chan int) error {
	for i := range queue {
		for n := 0; !all[i].Done; n++ {
			path := filepath.Join(r.team.dir, fmt.Sprintf("%d-%d.parquet", i, n))
			w, err := landing.Create(path, t.columns(), landing.Options{})
			if err != nil {
				return err
			}
			all[i], err = r.spanPage(ctx, sess, t, w, all[i])
			if err := errors.Join(err, w.Close()); err != nil {
				return err
			}
			if !r.team.send(ctx, ahead{span: i, now: all[i], path: path, rows: w.Rows()}) {
				return ctx.Err()
			}
		}
	}
	return nil
}

func (g *team) send(ctx context.Context, a ahead) bool {
	select {
	case g.pages <- a:
		return true
	case <-ctx.Done():
		return false
	}
}

// together lands the next page that any member has read.
func (r *reader) together(ctx context.Context, t *table, dir string) (source.Landed, bool, error) {
	select {
	case <-ctx.Done():
		return source.Landed{}, false, ctx.Err()
	case a, ok := <-r.team.pages:
		if !ok {
			return source.Landed{}, false, errors.New("the connections ended before the table did")
		}
		if a.err != nil {
			return source.Landed{}, false, a.err
		}
		path := filepath.Join(dir, t.name+".parquet")
		if err := os.Rename(a.path, path); err != nil {
			return source.Landed{}, false, fmt.Errorf("moving a page: %w", err)
		}
		t.st.Pass.Spans[a.span] = a.now
		if t.st.Pass.unfinished() < 0 {
			r.team.close()
			r.team = nil
		}
		landed, err := r.loaded(t, path, a.rows, nil)
		return landed, err == nil, err
	}
}

// close ends the members and removes what they read ahead.
func (g *team) close() {
	if g == nil {
		return
	}
	g.cancel()
	g.work.Wait()
	if g.dir != "" {
		os.RemoveAll(g.dir)
	}
}
