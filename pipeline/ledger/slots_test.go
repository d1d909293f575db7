package ledger

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// slot is the slot of an hour of 2024-03-01 that waits.
func slot(schedule string, hour int) Slot {
	at := time.Date(2024, 3, 1, hour, 0, 0, 0, time.UTC)
	return Slot{Schedule: schedule, At: at, AsOf: "2024-03-01", Work: WorkNight, Starts: at, Status: SlotWaiting, ExitCode: -1}
}

// at sets the clock to an hour of 2024-03-01.
func (b *testBundle) at(hour int) { b.clock = time.Date(2024, 3, 1, hour, 0, 0, 0, time.UTC) }

func (b *testBundle) addSlots(slots ...Slot) {
	b.Helper()
	from, _, err := b.Through(b.ctx, slots[0].Schedule)
	b.must(err)
	added, err := b.AddSlots(b.ctx, slots[0].Schedule, from, slots[len(slots)-1].At, slots)
	b.must(err)
	if !added {
		b.Fatal("the slots were not added")
	}
}

// all gives the slots as "night 2 done".
func (b *testBundle) all() string {
	b.Helper()
	slots, err := b.Slots(b.ctx, 0)
	b.must(err)
	var out []string
	for _, s := range slots {
		out = append([]string{fmt.Sprintf("%s %d %s", s.Schedule, s.At.Hour(), s.Status)}, out...)
	}
	return strings.Join(out, ", ")
}

func TestAddSlots(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if _, ok, err := b.Through(b.ctx, "night"); ok || err != nil {
		t.Errorf("a schedule that was never started: %t, %v", ok, err)
	}
	b.addSlots(slot("night", 2), slot("night", 3))
	from, ok, err := b.Through(b.ctx, "night")
	b.must(err)
	if !ok || !from.Equal(slot("night", 3).At) {
		t.Errorf("through %s, %t", from, ok)
	}
	for _, stale := range []time.Time{{}, from.Add(-time.Hour)} { // another scheduler was faster
		if added, err := b.AddSlots(b.ctx, "night", stale, from.Add(time.Hour), []Slot{slot("night", 4)}); added || err != nil {
			t.Errorf("added from %s: %t, %v", stale, added, err)
		}
	}
	again := slot("night", 3)
	again.Status = SlotSkipped
	if added, err := b.AddSlots(b.ctx, "night", from, from.Add(time.Hour), []Slot{again, slot("night", 4)}); !added || err != nil {
		t.Errorf("%t, %v", added, err)
	}
	if got := b.all(); got != "night 2 waiting, night 3 waiting, night 4 waiting" {
		t.Errorf("got %s", got)
	}
	// What is over is forgotten after a while, what is open is not.
	if ok, err := b.SkipSlot(b.ctx, slot("night", 2), "why not"); !ok || err != nil {
		t.Fatalf("%t, %v", ok, err)
	}
	if ok, err := b.SkipSlot(b.ctx, slot("night", 2), "again"); ok || err != nil {
		t.Errorf("skipped twice: %t, %v", ok, err)
	}
	s, ok, err := b.Slot(b.ctx, "night", slot("night", 2).At)
	b.must(err)
	if !ok || s.Note != "why not" || s.Status != SlotSkipped {
		t.Errorf("got %+v", s)
	}
	if _, err := b.AddSlots(b.ctx, "night", from.Add(time.Hour), from.Add(2*keepSlots), nil); err != nil {
		t.Fatal(err)
	}
	if got := b.all(); got != "night 3 waiting, night 4 waiting" {
		t.Errorf("got %s", got)
	}
}

func TestRewindSlots(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.at(5)
	b.addSlots(slot("night", 2), slot("night", 3), slot("night", 4))
	if _, err := b.SkipSlot(b.ctx, slot("night", 3), "missed"); err != nil {
		t.Fatal(err)
	}
	s, ok, err := b.ClaimSlot(b.ctx, []string{"night"})
	b.must(err)
	if !ok || s.At.Hour() != 2 {
		t.Fatalf("got %+v", s)
	}
	n, err := b.RewindSlots(b.ctx, "night", slot("night", 1).At)
	b.must(err)
	if got := b.all(); n != 2 || got != "night 2 running" {
		t.Errorf("forgot %d, left %s", n, got)
	}
	// Its work ends within an hour of its time by the right clock, or long before it.
	b.at(1)
	s.Status = SlotDone
	b.must(b.EndSlot(b.ctx, s))
	if got := b.all(); got != "night 2 done" {
		t.Errorf("ended an hour ahead: %s", got)
	}
	b.addSlots(slot("night", 2), slot("night", 3)) // it comes
	if got := b.all(); got != "night 2 waiting, night 3 waiting" {
		t.Errorf("what was over did not come again: %s", got)
	}
	b.at(3)
	s, _, err = b.ClaimSlot(b.ctx, []string{"night"})
	b.must(err)
	b.at(0)
	s.Status = SlotDone
	b.must(b.EndSlot(b.ctx, s))
	if got := b.all(); got != "night 3 waiting" {
		t.Errorf("ended two hours ahead: %s", got)
	}
	if n, err := b.RewindSlots(b.ctx, "night", slot("night", 1).At); n != 1 || err != nil || b.all() != "" {
		t.Errorf("forgot %d, left %s (%v)", n, b.all(), err)
	}
}

// Work that ended by a clock that was ahead is forgotten with its slot.
func TestRewindEndedSlots(t *testing.T) {
	t.Parallel()
	for _, status := range []string{SlotDone, SlotFailed, SlotSkipped, SlotWaiting} {
		b := setup(t)
		b.at(9)
		b.addSlots(slot("night", 2), slot("night", 8))
		for range 2 {
			s, _, err := b.ClaimSlot(b.ctx, []string{"night"})
			b.must(err)
			s.Status = status
			if s.At.Hour() == 2 {
				s.Status = SlotDone
			}
			b.must(b.EndSlot(b.ctx, s))
		}
		n, err := b.RewindSlots(b.ctx, "night", slot("night", 3).At)
		b.must(err)
		if got := b.all(); n != 1 || got != "night 2 done" {
			t.Errorf("%s: forgot %d, left %s", status, n, got)
		}
	}
}

// Slots are taken in order of their time, then of their schedules; one at a time.
func TestClaimInOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.addSlots(slot("a", 2), slot("a", 3), slot("a", 9))
	b.addSlots(slot("b", 2), slot("b", 4))
	b.addSlots(slot("other", 1))
	b.at(5)
	var got []string
	for {
		s, ok, err := b.ClaimSlot(b.ctx, []string{"b", "a"})
		b.must(err)
		if !ok {
			break
		}
		var busy *BusyError
		if _, _, err := b.ClaimSlot(b.ctx, []string{"b", "a"}); !errors.As(err, &busy) || !strings.Contains(err.Error(), "night 2024-03-01 of schedule "+s.Schedule) {
			t.Errorf("while one runs: %v", err)
		}
		got = append(got, fmt.Sprint(s.Schedule, s.At.Hour()))
		s.Status, s.ExitCode = SlotDone, 0
		b.must(b.EndSlot(b.ctx, s))
		if err := b.EndSlot(b.ctx, s); !errors.Is(err, ErrSlotTaken) {
			t.Errorf("ended twice: %v", err)
		}
	}
	if s := strings.Join(got, " "); s != "b2 a2 a3 b4" {
		t.Errorf("got %s", s)
	}
	if got := b.all(); got != "other 1 waiting, a 2 done, b 2 done, a 3 done, b 4 done, a 9 waiting" && got != "other 1 waiting, b 2 done, a 2 done, a 3 done, b 4 done, a 9 waiting" {
		t.Errorf("got %s", got)
	}
}

// Schedulers that ask at the same time never get the same slot.
func TestClaimsAtTheSameTime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.addSlots(slot("night", 1), slot("night", 2), slot("night", 3))
	b.at(5)
	dir := b.dir
	var mu sync.Mutex
	taken := map[int]int{}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			l, err := Open(b.ctx, dir, func() time.Time { return b.clock })
			if err != nil {
				t.Error(err)
				return
			}
			defer l.Close()
			for range 200 {
				s, ok, err := l.ClaimSlot(b.ctx, []string{"night"})
				var busy *BusyError
				switch {
				case errors.As(err, &busy):
					time.Sleep(time.Millisecond)
					continue
				case err != nil:
					t.Error(err)
					return
				case !ok:
					return
				}
				mu.Lock()
				taken[s.At.Hour()]++
				mu.Unlock()
				s.Status, s.ExitCode = SlotDone, 0
				if err := l.EndSlot(b.ctx, s); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if fmt.Sprint(taken) != "map[1:1 2:1 3:1]" {
		t.Errorf("taken: %v", taken)
	}
}

// What becomes of a slot whose scheduler is gone.
func TestSettledSlots(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		night  string        // status of the night that was begun; "" for none
		before bool          // the night was begun before the slot
		host   string        // of the scheduler; "" for this one
		ago    time.Duration // when it was last seen; for another host
		held   bool          // somebody alive holds the lease
		want   string
	}{
		"nothing began":         {want: SlotRunning + " again"},
		"an older night":        {night: Published, before: true, want: SlotRunning + " again"},
		"published":             {night: Published, want: SlotDone},
		"failed":                {night: Failed, want: SlotFailed},
		"interrupted":           {night: Interrupted, want: SlotRunning + " again"},
		"runs still":            {night: Running, held: true, want: SlotRunning},
		"killed with it":        {night: Running, want: SlotRunning + " again"},
		"lives on another host": {host: "elsewhere", ago: time.Minute, want: SlotRunning},
		"gone on another host":  {host: "elsewhere", ago: 4 * time.Minute, want: SlotRunning + " again"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.addSlots(slot("night", 2))
			b.at(3)
			begin := func() {
				if tt.night == "" {
					return
				}
				id := b.begin("2024-03-01")
				if tt.night != Running {
					b.must(b.End(b.ctx, Night{ID: id, AsOf: "2024-03-01", Status: tt.night}))
				}
			}
			if tt.before {
				begin()
			}
			b.at(4)
			s, ok, err := b.ClaimSlot(b.ctx, []string{"night"})
			b.must(err)
			if !ok {
				t.Fatal("no slot")
			}
			cmd, stop := child(t)
			pid, born := cmd.Process.Pid, processBorn(cmd.Process.Pid)
			stop() // the scheduler that is gone
			host := tt.host
			if host == "" {
				host, _ = os.Hostname()
			}
			_, err = b.db.Exec(`UPDATE slots SET host = ?, pid = ?, born = ?`, host, pid, born)
			b.must(err)
			b.clock = b.clock.Add(10 * time.Minute)
			if tt.host != "" {
				_, err = b.db.Exec(`INSERT INTO schedulers (host, pid, born, seen) VALUES (?, ?, ?, ?)`, tt.host, pid, born, stamp(b.clock.Add(-tt.ago)))
				b.must(err)
			}
			if !tt.before {
				begin()
			}
			if tt.held {
				b.other(b.host(), os.Getpid(), processBorn(os.Getpid()))
			}
			again, ok, err := b.ClaimSlot(b.ctx, []string{"night"})
			var busy *BusyError
			if err != nil && !errors.As(err, &busy) {
				t.Fatal(err)
			}
			now, _, err := b.Slot(b.ctx, "night", s.At)
			b.must(err)
			got := now.Status
			if ok && again.At.Equal(s.At) && again.PID == os.Getpid() {
				got += " again"
			}
			if got != tt.want {
				t.Errorf("got %s (%s), want %s", got, now.Note, tt.want)
			}
		})
	}
}
