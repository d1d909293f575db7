package relational

import "time"

// Bounds of a page.
const (
	firstPage = 5_000
	mostRows  = 200_000
	mostBytes = 32 << 20
)

// pages chooses how many rows the next query asks for, so that queries stay well below
// a time and pages below a size.
type pages struct {
	aim   time.Duration // that a query should take
	next  int
	width float64 // bytes of a row, as seen lately; 0 before the first
}

func newPages(queryTime time.Duration) pages { return pages{aim: queryTime / 2, next: firstPage} }

// rows to ask for.
func (p *pages) rows() int { return max(p.next, 1) }

// observe learns from a page that asked for limit rows.
func (p *pages) observe(limit int, rows, bytes int64, took time.Duration) {
	if rows == 0 {
		return
	}
	width := float64(bytes) / float64(rows)
	p.width = max(width, (p.width+width)/2) // grows at once, shrinks slowly
	want := float64(mostRows)
	if took > 0 {
		want = float64(rows) * p.aim.Seconds() / took.Seconds()
	}
	if p.width > 0 {
		want = min(want, mostBytes/p.width)
	}
	// A single page may be slow for reasons of its own, and a fast one says little of
	// one that is much larger.
	p.next = int(min(max(want, float64(limit)/4, 1), float64(limit)*2, mostRows))
	if p.width > 0 { // but memory is not a matter of luck
		p.next = max(min(p.next, int(mostBytes/p.width)), 1)
	}
}

// shrink follows a query that took too long. It tells whether there is a smaller size
// to try.
func (p *pages) shrink(limit int) bool {
	p.next = max(limit/4, 1)
	return limit > 1
}
