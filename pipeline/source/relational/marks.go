package relational

import (
	"math"
	"slices"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/source"
)

// mark is what a pass leaves for those after it. It says: of the rows whose cursor is
// below Cursor, all were read, but for those of the transactions in Open, and of
// transactions that had not begun, whose cursors are not below it.
type mark struct {
	// Cursor is in the unit of the cursor's kind: days, microseconds or the number
	// itself. nil says nothing of any row: it is below all.
	Cursor *int64 `json:"cursor,omitempty"`
	// Now is the server's clock when the pass began, microseconds UTC.
	Now int64 `json:"now"`
	// Open are transactions whose rows were not seen and that were still open when the
	// last pass began.
	Open []string `json:"open,omitempty"`
}

// mostMarks are kept. To drop one is always safe: reading then starts from an older
// one.
const mostMarks = 32

// begin brings marks up to the moment that a pass begins, and finds the one that it
// must read from: the newest one none of whose open transactions has ended since the
// last pass. Those that have may have left rows with any cursor since they began, hence
// above a mark that did not know them yet. Those still open have left nothing to see.
func begin(marks []mark, stillOpen func([]string) []string) (from mark, now []mark) {
	for _, m := range marks {
		still := sorted(stillOpen(m.Open))
		if slices.Equal(still, sorted(m.Open)) {
			from = m
		}
		now = append(now, mark{Cursor: m.Cursor, Now: m.Now, Open: still})
	}
	return from, now
}

func sorted(names []string) []string {
	names = slices.Clone(names)
	slices.Sort(names)
	return slices.Compact(names)
}

// add appends the mark of a pass and drops those that nobody will need: an older mark
// knows no transaction that a newer one does not know, so with as many it is of no
// more use.
func add(marks []mark, m mark) []mark {
	var kept []mark
	for i, old := range marks {
		newer := append(slices.Clone(marks[i+1:]), m)
		if !slices.ContainsFunc(newer, func(n mark) bool { return len(n.Open) <= len(old.Open) }) {
			kept = append(kept, old)
		}
	}
	kept = append(kept, m)
	if over := len(kept) - mostMarks; over > 0 {
		kept = slices.Delete(kept, 1, 1+over)
	}
	return kept
}

// overlap is how far behind a mark reading begins, for clocks of clients that differ.
type overlap struct {
	Time  time.Duration
	Count int64
}

// low is where a pass reads from, in the unit of the cursor.
func (m mark) low(kind source.Kind, o overlap, zone *time.Location) *int64 {
	if m.Cursor == nil {
		return nil
	}
	v := *m.Cursor
	switch kind {
	case source.Date:
		days := int64((o.Time + 24*time.Hour - 1) / (24 * time.Hour))
		v = min(v, earliestWall(m.Now, o.Time, zone)/microsOfDay) - max(days, 1)
	case source.Instant:
		v -= o.Time.Microseconds()
	case source.Timestamp:
		v = min(v-o.Time.Microseconds(), earliestWall(m.Now, o.Time, zone))
	case source.Uint:
		if uint64(v) < uint64(o.Count) {
			return nil
		}
		v -= o.Count
	default:
		if v < math.MinInt64+o.Count {
			return nil
		}
		v -= o.Count
	}
	return &v
}

// ceiling is the largest cursor that counts as written by the server's time now: what
// lies in the future must not keep later rows from being read.
func ceiling(kind source.Kind, now int64, zone *time.Location) (int64, bool) {
	switch kind {
	case source.Instant:
		return now, true
	case source.Timestamp:
		return wall(time.UnixMicro(now), zone), true
	case source.Date:
		return floorDays(wall(time.UnixMicro(now), zone)), true
	}
	return 0, false
}

const microsOfDay = 86400e6

func floorDays(micros int64) int64 {
	days := micros / microsOfDay
	if micros%microsOfDay < 0 {
		days--
	}
	return days
}

// wall is what a clock on the wall shows, as microseconds since 1970-01-01 00:00 there.
func wall(t time.Time, zone *time.Location) int64 {
	_, offset := t.In(zone).Zone()
	return t.UnixMicro() + int64(offset)*1e6
}

// earliestWall is the earliest time that a clock on the wall can still show from now,
// less the overlap, on: where clocks are set back that is earlier than what it showed.
func earliestWall(now int64, back time.Duration, zone *time.Location) int64 {
	t := time.UnixMicro(now).Add(-back)
	earliest := wall(t, zone)
	const farthest = 26 * time.Hour // clocks were never set back by more
	for end := t.Add(back + farthest); ; {
		_, next := t.In(zone).ZoneBounds()
		if next.IsZero() || next.After(end) {
			return earliest
		}
		t = next
		earliest = min(earliest, wall(t, zone))
	}
}
