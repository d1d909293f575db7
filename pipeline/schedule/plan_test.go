package schedule

import (
	"testing"
	"time"
)

// Jitter is within its bounds, the same every time, and spreads slots, places and plans.
func TestStarts(t *testing.T) {
	t.Parallel()
	p := Plan{Name: "hourly", Jitter: 10 * time.Minute}
	other := p
	other.Name = "weekly"
	slot := time.Date(2026, 1, 1, 2, 0, 0, 0, time.UTC)
	tenths, alike, places, plans := [10]int{}, 0, 0, 0
	const n = 10_000
	for range n {
		at := p.Starts(slot, "a /srv/shop")
		late := at.Sub(slot)
		if late < 0 || late >= p.Jitter || late%time.Second != 0 || !p.Starts(slot, "a /srv/shop").Equal(at) {
			t.Fatalf("slot %s starts at %s", slot, at)
		}
		tenths[int(late*10/p.Jitter)]++
		count := func(c *int, same bool) {
			if same {
				*c++
			}
		}
		count(&alike, p.Starts(slot.Add(time.Hour), "a /srv/shop").Sub(slot.Add(time.Hour)) == late)
		count(&places, p.Starts(slot, "b /srv/shop").Equal(at))
		count(&plans, other.Starts(slot, "a /srv/shop").Equal(at))
		slot = slot.Add(time.Hour)
	}
	for i, c := range tenths {
		if c < n/10*8/10 || c > n/10*12/10 {
			t.Errorf("%d of %d starts are in tenth %d of the jitter", c, n, i)
		}
	}
	for what, c := range map[string]int{"slots": alike, "places": places, "plans": plans} {
		if c > n/100 { // one in 600 by chance
			t.Errorf("%d of %d %s start alike", c, n, what)
		}
	}
	if got := (Plan{Name: "night"}).Starts(slot, "a"); !got.Equal(slot) {
		t.Errorf("without jitter: %s", got)
	}
}
