package schedule

import (
	"encoding/binary"
	"hash/fnv"
	"time"
)

// Work is what a plan starts.
type Work string

// The kinds of work.
const (
	Night   Work = "night"   // a whole night
	Retrain Work = "retrain" // a night that learns anew
	Extract Work = "extract" // an extraction without a night
)

// Overlap says what becomes of a slot that comes while other work runs.
type Overlap string

// The ways of dealing with an overlap.
const (
	Queue Overlap = "queue" // it starts once the other work has ended
	Skip  Overlap = "skip"  // it is left out
)

// Plan is a schedule and what is done at its slots.
type Plan struct {
	Name    string
	When    Schedule
	Work    Work
	Overlap Overlap
	Jitter  time.Duration // work starts up to this long after its slot; 0: at once
	CatchUp int           // slots missed in a downtime that are run after it: at most the newest so many
}

// Starts is when the work of a slot starts: the slot and its share of the jitter. It is
// in [slot, slot+Jitter), in whole seconds, and always the same for the same plan, slot
// and place, so that a restart moves nothing; plans of other places start at other times.
func (p Plan) Starts(slot time.Time, place string) time.Time {
	seconds := int64(p.Jitter / time.Second)
	if seconds <= 0 {
		return slot
	}
	h := fnv.New64a()
	h.Write([]byte(place + "\x00" + p.Name + "\x00"))
	_ = binary.Write(h, binary.BigEndian, slot.Unix()) // a hash takes everything
	return slot.Add(time.Duration(mix(h.Sum64())%uint64(seconds)) * time.Second)
}

// mix spreads what differs in a few low bits, as slots of one hour do, over the whole
// word (the finalizer of MurmurHash3).
func mix(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}
