package database

import (
	"context"
	"io"
)

const (
	feedBytes = 256 << 10 // of one buffer; whole rows
	feedDepth = 4         // buffers under way
)

// feed carries the rows of one table, in COPY's text format, from the goroutine that
// makes them to the one that loads them.
type feed struct {
	ctx  context.Context
	full chan []byte
	free chan []byte
	// own is the maker's buffer; reading and rest are the loader's, read in parts.
	own     []byte
	reading []byte
	rest    []byte
	last    bool  // all is read, or the maker has given up:
	err     error // why
}

func newFeed(ctx context.Context) *feed {
	f := &feed{ctx: ctx, full: make(chan []byte, feedDepth), free: make(chan []byte, feedDepth+2)}
	f.own = make([]byte, 0, feedBytes+4<<10)
	return f
}

// put takes the maker's buffer back with a row appended.
func (f *feed) put(b []byte) error {
	f.own = b
	if len(b) < feedBytes {
		return nil
	}
	return f.flush()
}

func (f *feed) flush() error {
	if len(f.own) == 0 {
		return nil
	}
	select {
	case f.full <- f.own:
	case <-f.ctx.Done():
		return context.Cause(f.ctx)
	}
	select {
	case b := <-f.free:
		f.own = b[:0]
	default:
		f.own = make([]byte, 0, feedBytes+4<<10)
	}
	return nil
}

// end tells the loader that there are no more rows. A maker that gives up does not
// call it but cancels the context.
func (f *feed) end() error {
	if err := f.flush(); err != nil {
		return err
	}
	close(f.full)
	return nil
}

// next gives the next buffer of rows, valid until the next call; nil at the end.
func (f *feed) next() []byte {
	if f.reading != nil {
		select {
		case f.free <- f.reading:
		default:
		}
		f.reading = nil
	}
	select {
	case b, ok := <-f.full:
		f.reading, f.last = b, !ok
	case <-f.ctx.Done():
		f.last, f.err = true, context.Cause(f.ctx)
	}
	return f.reading
}

// ended waits until there are more rows, or tells that there are none.
func (f *feed) ended() bool {
	if len(f.rest) == 0 && !f.last {
		f.rest = f.next()
	}
	return f.last
}

// take gives whole rows, valid until the next call of ended. It is not mixed with Read.
func (f *feed) take() []byte {
	rows := f.rest
	f.rest = nil
	return rows
}

// Read reads all rows.
func (f *feed) Read(p []byte) (int, error) {
	if f.ended() {
		if f.err != nil {
			return 0, f.err
		}
		return 0, io.EOF
	}
	n := copy(p, f.rest)
	f.rest = f.rest[n:]
	return n, nil
}

// part reads about so many bytes of the rows that are left, and whole ones.
func (f *feed) part(bytes int) io.Reader { return &part{f, bytes} }

type part struct {
	feed *feed
	left int
}

func (r *part) Read(p []byte) (int, error) {
	if r.left <= 0 && len(r.feed.rest) == 0 {
		return 0, io.EOF
	}
	n, err := r.feed.Read(p)
	r.left -= n
	return n, err
}
