package scheduler

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/schedule"
)

// bundle is a data directory whose schedulers live in a bubble: time stands still while
// anything works, and leaps when all wait. It begins at midnight of 2000-01-01, UTC.
type bundle struct {
	*testing.T
	dir   string
	plans []schedule.Plan
	takes func(ledger.Slot) (time.Duration, Outcome) // how long work takes, and what it comes to
	skew  atomic.Int64                               // of the machine's clock, in nanoseconds
	log   lockedBuffer
	turn  sync.Mutex // SQLite waits for a lock by a clock of its own, which does not leap

	mu    sync.Mutex
	ran   []string // slots whose work began, as "night 01-02"
	ended []string // slots that ended or were left out, as "night 01-02 done"
	works int      // at the same time
}

// lockedBuffer takes the log of several schedulers.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// bubble runs a test with a daily plan at 02:00; its nights take an hour.
func bubble(t *testing.T, test func(b *bundle)) {
	t.Helper()
	t.Parallel()
	bubbleIn(t, quickDir(t), test)
}

func bubbleIn(t *testing.T, dir string, test func(b *bundle)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bundle{T: t, dir: dir, plans: []schedule.Plan{plan(t, "night", "0 2 * * *")}}
		b.takes = func(ledger.Slot) (time.Duration, Outcome) { return time.Hour, Outcome{} }
		test(b)
	})
}

// quickDir is an empty directory, in memory where there is such a place: a test commits
// what a scheduler does in months.
func quickDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "mainstay-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func plan(t testing.TB, name, cron string) schedule.Plan {
	t.Helper()
	when, err := schedule.Parse(cron, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	return schedule.Plan{Name: name, When: when, Work: schedule.Night, Overlap: schedule.Queue, CatchUp: 7}
}

func short(s ledger.Slot) string {
	if s.At.Minute() != 0 || s.At.Hour() != 2 {
		return s.Schedule + " " + s.At.Format("01-02T15:04")
	}
	return s.Schedule + " " + s.At.Format("01-02")
}

func (b *bundle) now() time.Time { return time.Now().Add(time.Duration(b.skew.Load())) }

// start starts a scheduler; the function that it returns stops it and waits for it.
func (b *bundle) start() (stop func()) {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	s := &Scheduler{Plans: b.plans, Dir: b.dir, Zone: time.UTC, Place: "here", Now: b.now, Run: b.run,
		Log: slog.New(slog.NewTextHandler(&b.log, nil)), Ended: b.tell, look: 10 * time.Minute, turn: &b.turn}
	done := make(chan error, 1)
	go func() { done <- s.Loop(ctx) }()
	return func() {
		b.Helper()
		synctest.Wait()
		cancel()
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
}

// run is work: it notices the stop and takes no time to end then.
func (b *bundle) run(ctx context.Context, s ledger.Slot) Outcome {
	b.mu.Lock()
	b.works++
	if b.works > 1 {
		b.Errorf("%s runs beside other work", short(s))
	}
	b.ran = append(b.ran, short(s))
	takes, o := b.takes(s)
	b.mu.Unlock()
	defer func() { b.mu.Lock(); b.works--; b.mu.Unlock() }()
	select {
	case <-time.After(takes):
		return o
	case <-ctx.Done():
		return Outcome{Ending: Stopped, Code: 5}
	}
}

func (b *bundle) tell(s ledger.Slot) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = append(b.ended, short(s)+" "+s.Status)
}

// up runs a scheduler until a moment such as "01-05T12:00".
func (b *bundle) up(until string) {
	b.Helper()
	stop := b.start()
	b.down(until)
	stop()
}

// down lets time go by.
func (b *bundle) down(until string) {
	b.Helper()
	t, err := time.Parse("2006-01-02T15:04", "2000-"+until)
	if err != nil || t.Before(time.Now()) {
		b.Fatalf("%s: %v", until, err)
	}
	time.Sleep(time.Until(t))
}

// want compares what ran with a list such as "night 01-01, night 01-02".
func (b *bundle) want(ran string) {
	b.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if got := strings.Join(b.ran, ", "); got != ran {
		b.Errorf("ran\n  %s\nwant\n  %s\n%s", got, ran, b.log.String())
	}
}

// slots gives the ledger's slots as "night 01-01 done: note", oldest first.
func (b *bundle) slots() []string {
	b.Helper()
	l, err := ledger.Open(b.Context(), b.dir, b.now)
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	all, err := l.Slots(b.Context(), 0)
	if err != nil {
		b.Fatal(err)
	}
	out := make([]string, len(all))
	for i, s := range all {
		text := short(s) + " " + s.Status
		if s.Note != "" {
			text += ": " + s.Note
		}
		out[len(all)-1-i] = text
	}
	return out
}

func (b *bundle) wantSlots(want ...string) {
	b.Helper()
	if got := b.slots(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		b.Errorf("slots\n  %s\nwant\n  %s\n%s", strings.Join(got, "\n  "), strings.Join(want, "\n  "), b.log.String())
	}
}

func TestEverySlotOnce(t *testing.T) {
	bubble(t, func(b *bundle) {
		b.up("01-04T12:00")
		b.want("night 01-01, night 01-02, night 01-03, night 01-04")
		b.wantSlots("night 01-01 done", "night 01-02 done", "night 01-03 done", "night 01-04 done")
		if got := strings.Join(b.ended, ", "); got != "night 01-01 done, night 01-02 done, night 01-03 done, night 01-04 done" {
			b.Errorf("told of %s", got)
		}
	})
}

// Nothing is missed before the first start, and nothing in a short restart.
func TestRestarts(t *testing.T) {
	bubble(t, func(b *bundle) {
		b.down("01-01T12:00")
		for _, until := range []string{"01-02T01:59", "01-02T02:00", "01-02T02:01", "01-02T04:00", "01-03T01:58"} {
			b.up(until)
		}
		b.down("01-03T02:03") // less than onTime: not missed, even though nothing is caught up
		b.plans[0].CatchUp = 0
		b.up("01-04T00:00")
		b.want("night 01-02, night 01-02, night 01-02, night 01-03") // stopped twice
		b.wantSlots("night 01-02 done", "night 01-03 done")
	})
}

func TestDowntime(t *testing.T) {
	for _, tt := range []struct {
		catchUp int
		ran     string
		skipped int
	}{
		{0, "night 01-01, night 01-07", 5},
		{1, "night 01-01, night 01-06, night 01-07", 4},
		{3, "night 01-01, night 01-04, night 01-05, night 01-06, night 01-07", 2},
		{5, "night 01-01, night 01-02, night 01-03, night 01-04, night 01-05, night 01-06, night 01-07", 0},
		{7, "night 01-01, night 01-02, night 01-03, night 01-04, night 01-05, night 01-06, night 01-07", 0},
	} {
		t.Run(fmt.Sprint(tt.catchUp), func(t *testing.T) {
			bubble(t, func(b *bundle) {
				b.plans[0].CatchUp = tt.catchUp
				b.up("01-01T12:00")
				b.down("01-06T09:30")
				b.up("01-07T12:00")
				b.want(tt.ran)
				skipped := 0
				for _, s := range b.slots() {
					if strings.Contains(s, fmt.Sprintf("skipped: missed: no scheduler ran, and of such slots only the newest %d are caught up", tt.catchUp)) {
						skipped++
					}
				}
				if skipped != tt.skipped || len(b.slots()) != 7 || len(b.ended) != 7 {
					b.Errorf("%d left out, want %d; told of %v\n%s", skipped, tt.skipped, b.ended, strings.Join(b.slots(), "\n"))
				}
			})
		})
	}
}

// The machine sleeps through some slots while the scheduler lives.
func TestSleepingMachine(t *testing.T) {
	bubble(t, func(b *bundle) {
		b.plans[0].CatchUp = 2
		stop := b.start()
		b.down("01-01T12:00")
		b.skew.Store(int64(4 * 24 * time.Hour)) // what the scheduler sees when the machine wakes up
		b.down("01-02T12:00")
		stop()
		b.want("night 01-01, night 01-04, night 01-05, night 01-06")
	})
}

func TestLongNight(t *testing.T) {
	long := func(s ledger.Slot) (time.Duration, Outcome) {
		if s.At.Day() == 1 {
			return 55 * time.Hour, Outcome{} // until 01-03T09:00
		}
		return time.Hour, Outcome{}
	}
	t.Run("queue", func(t *testing.T) {
		bubble(t, func(b *bundle) {
			b.takes = long
			b.up("01-04T12:00")
			b.want("night 01-01, night 01-02, night 01-03, night 01-04")
		})
	})
	t.Run("a short queue", func(t *testing.T) {
		bubble(t, func(b *bundle) {
			b.takes, b.plans[0].CatchUp = long, 0
			b.up("01-04T12:00")
			b.want("night 01-01, night 01-03, night 01-04")
			b.wantSlots("night 01-01 done", "night 01-02 skipped: 1 newer ones wait already", "night 01-03 done", "night 01-04 done")
		})
	})
	t.Run("skip", func(t *testing.T) {
		bubble(t, func(b *bundle) {
			b.takes, b.plans[0].Overlap = long, schedule.Skip
			b.up("01-04T12:00")
			b.want("night 01-01, night 01-04")
			const running = "night 2000-01-01 of schedule night was still running"
			b.wantSlots("night 01-01 done",
				"night 01-02 skipped: "+running,
				"night 01-03 skipped: "+running, "night 01-04 done")
		})
	})
}

// Nights, lessons and extractions take turns, in the order of their times, and of those
// at one time in the order of the file.
func TestSeveralPlans(t *testing.T) {
	bubble(t, func(b *bundle) {
		b.plans = []schedule.Plan{plan(b, "night", "0 2 * * *"), plan(b, "weekly", "0 2 2 1 *"), plan(b, "hourly", "0 1-4 * * *")}
		b.plans[1].Work = schedule.Retrain
		b.plans[2].Work, b.plans[2].Overlap, b.plans[2].CatchUp = schedule.Extract, schedule.Skip, 1
		b.takes = func(s ledger.Slot) (time.Duration, Outcome) {
			if s.Work == ledger.WorkExtract {
				return time.Minute, Outcome{}
			}
			return 29 * time.Minute, Outcome{}
		}
		b.up("01-02T12:00")
		b.want("hourly 01-01T01:00, night 01-01, hourly 01-01T03:00, hourly 01-01T04:00, " +
			"hourly 01-02T01:00, night 01-02, weekly 01-02, hourly 01-02T03:00, hourly 01-02T04:00")
		if left := strings.Count(strings.Join(b.slots(), "\n"), "skipped: night 2000-01-0"); left != 2 {
			b.Errorf("%d extractions left out, want those at 02:00", left)
		}
	})
}

func TestEndings(t *testing.T) {
	bubble(t, func(b *bundle) {
		endings := []Outcome{{}, {Done, 4, "with warnings to read"}, {Failed, 1, ""}, {Failed, -1, "signal: killed"}, {Stopped, 5, "stopped by a signal"}}
		b.takes = func(s ledger.Slot) (time.Duration, Outcome) { return time.Minute, endings[s.At.Day()-1] }
		b.up("01-05T12:00")
		b.wantSlots("night 01-01 done", "night 01-02 done: with warnings to read", "night 01-03 failed",
			"night 01-04 failed: signal: killed", "night 01-05 failed: stopped by a signal")
		if !strings.Contains(b.log.String(), "level=ERROR msg=failed schedule=night slot=2000-01-03T02:00:00.000Z work=night as_of=2000-01-03 took=1m0s exit_code=1") {
			b.Error(b.log.String())
		}
	})
}

// Somebody runs a night by hand: a slot that queues comes after it, others are left out.
func TestBusyDirectory(t *testing.T) {
	for overlap, want := range map[schedule.Overlap]string{
		schedule.Queue: "night 01-01 done",
		schedule.Skip:  "night 01-01 skipped: by hand",
	} {
		t.Run(string(overlap), func(t *testing.T) {
			t.Parallel()
			dir := quickDir(t)
			l, err := ledger.Open(t.Context(), dir, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			lease, err := l.Acquire(t.Context(), "by hand")
			if err != nil {
				t.Fatal(err)
			}
			bubbleIn(t, dir, func(b *bundle) {
				b.plans[0].Overlap = overlap
				stop := b.start()
				b.down("01-01T05:00")
				b.want("")
				if err := lease.Release(); err != nil {
					b.Fatal(err)
				}
				b.down("01-01T12:00")
				stop()
				if got := b.slots(); len(got) != 1 || !strings.HasPrefix(got[0], want) {
					b.Errorf("got %v, want %s\n%s", got, want, b.log.String())
				}
			})
		})
	}
}

// The lease was taken between the claim and the start: the child says so, exit code 3.
func TestBusyChild(t *testing.T) {
	for overlap, want := range map[schedule.Overlap]string{
		schedule.Queue: "night 01-01 done",
		schedule.Skip:  "night 01-01 skipped: other work ran on the data directory",
	} {
		t.Run(string(overlap), func(t *testing.T) {
			bubble(t, func(b *bundle) {
				b.plans[0].Overlap = overlap
				b.takes = func(ledger.Slot) (time.Duration, Outcome) {
					if len(b.ran) < 4 {
						return time.Second, Outcome{Ending: Busy, Code: 3}
					}
					return time.Hour, Outcome{}
				}
				b.up("01-01T12:00")
				b.wantSlots(want)
			})
		})
	}
}

func TestJitter(t *testing.T) {
	bubble(t, func(b *bundle) {
		b.plans[0].Jitter = 6 * time.Hour
		slot := time.Date(2000, 1, 1, 2, 0, 0, 0, time.UTC)
		var began time.Time
		b.takes = func(ledger.Slot) (time.Duration, Outcome) {
			began = time.Now()
			return time.Minute, Outcome{}
		}
		starts := b.plans[0].Starts(slot, "here")
		for _, until := range []string{"01-01T02:00", "01-01T02:10", "01-01T12:00"} { // restarts move nothing
			b.up(until)
		}
		b.want("night 01-01")
		if began.Before(starts) || began.After(starts.Add(time.Minute)) {
			b.Errorf("began at %s, want %s", began, starts)
		}
	})
}

// Two schedulers on one data directory do each slot once between them, and when one
// stops the other goes on.
func TestTwoSchedulers(t *testing.T) {
	bubble(t, func(b *bundle) {
		first, second := b.start(), b.start()
		b.down("01-03T12:00")
		first()
		b.down("01-05T02:30")
		third := b.start()
		second() // in the middle of a night: it is stopped, and the third starts it again
		b.down("01-06T12:00")
		third()
		b.want("night 01-01, night 01-02, night 01-03, night 01-04, night 01-05, night 01-05, night 01-06")
		b.wantSlots("night 01-01 done", "night 01-02 done", "night 01-03 done", "night 01-04 done", "night 01-05 done", "night 01-06 done")
	})
}

// A clock that was a month ahead for a while costs nothing that comes after it: what ran by
// the wrong clock, or runs when it is put right, comes again on its day.
func TestClockAhead(t *testing.T) {
	for _, c := range []struct {
		name    string
		catchUp int
		takes   time.Duration
		want    string // what ran by the wrong clock
	}{
		{"one that has ended", 1, time.Hour, "01-31"},
		{"all that are caught up", 3, 10 * time.Minute, "01-29 01-30 01-31"},
		{"one that runs", 1, 6 * time.Hour, "01-31"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(b *bundle) {
				b.plans[0].CatchUp = c.catchUp
				stop := b.start()
				b.down("01-01T12:00")
				b.takes = func(ledger.Slot) (time.Duration, Outcome) { return c.takes, Outcome{} }
				b.skew.Store(int64(30 * 24 * time.Hour))
				b.down("01-01T14:00")
				b.skew.Store(int64(0))
				b.down("02-02T12:00")
				stop()
				want := []string{"night 01-01"}
				for _, day := range strings.Fields(c.want) {
					want = append(want, "night "+day)
				}
				for day := time.Date(2000, 1, 2, 0, 0, 0, 0, time.UTC); day.Before(time.Date(2000, 2, 3, 0, 0, 0, 0, time.UTC)); day = day.AddDate(0, 0, 1) {
					want = append(want, day.Format("night 01-02"))
				}
				b.want(strings.Join(want, ", "))
				if !strings.Contains(b.log.String(), "the clock was set back") {
					b.Error(b.log.String())
				}
			})
		})
	}
}

// A clock that is set back a little repeats nothing.
func TestClockSetBack(t *testing.T) {
	bubble(t, func(b *bundle) {
		stop := b.start()
		b.down("01-02T03:30")
		b.skew.Store(int64(-2 * time.Hour))
		b.down("01-03T12:00")
		stop()
		b.want("night 01-01, night 01-02, night 01-03")
	})
}

func TestScheduleThatIsGone(t *testing.T) {
	bubble(t, func(b *bundle) {
		b.up("01-01T02:30")
		b.plans = []schedule.Plan{plan(b, "nightly", "0 3 * * *")}
		b.up("01-02T12:00")
		b.wantSlots("night 01-01 skipped: the project has no such schedule any more",
			"nightly 01-01T03:00 done", "nightly 01-02T03:00 done")
	})
}

// A long downtime of a busy schedule is summed up.
func TestManyMissed(t *testing.T) {
	bubble(t, func(b *bundle) {
		b.plans = []schedule.Plan{plan(b, "often", "*/10 * * * *")}
		b.plans[0].CatchUp = 2
		b.takes = func(ledger.Slot) (time.Duration, Outcome) { return time.Second, Outcome{} }
		b.up("01-01T00:05")
		b.down("03-01T00:06")
		b.up("03-01T00:08")
		b.want("often 02-29T23:50, often 03-01T00:00")
		if got := b.slots(); len(got) != maxMissed {
			b.Errorf("%d slots recorded, want %d", len(got), maxMissed)
		}
		if all := 60 * 144; !strings.Contains(b.log.String(), fmt.Sprintf("missed=%d caught_up=2 left_out=%d", all, all-2)) {
			b.Errorf("want a line with the sum of %d", all)
		}
		if n := strings.Count(b.log.String(), "left out"); n > 25 {
			b.Errorf("%d lines of slots that were left out", n)
		}
	})
}
