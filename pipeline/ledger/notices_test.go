package ledger

import (
	"context"
	"reflect"
	"testing"
	"time"
)

// clocked is a ledger whose clock the test sets.
type clocked struct {
	*Ledger
	now time.Time
}

func newClocked(t *testing.T) *clocked {
	t.Helper()
	c := &clocked{now: time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC)}
	var err error
	if c.Ledger, err = Open(t.Context(), t.TempDir(), func() time.Time { return c.now }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// pass lets a minute pass.
func (c *clocked) pass() time.Time {
	c.now = c.now.Add(time.Minute)
	return c.now
}

// attempt records a night that began a minute later and ended as status says.
func (c *clocked) attempt(t *testing.T, asOf, kind, status string) int64 {
	t.Helper()
	c.pass()
	n := Night{AsOf: asOf, Kind: kind, Status: status}
	var err error
	if n.ID, err = c.Begin(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	if err := c.End(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	return n.ID
}

func TestFailingBefore(t *testing.T) {
	t.Parallel()
	l := newClocked(t)
	from := l.now
	failing := func(night int64, attempts int, minutes int) {
		t.Helper()
		got, err := l.FailingBefore(t.Context(), night)
		if err != nil {
			t.Fatal(err)
		}
		want := Failing{Attempts: attempts}
		if attempts > 0 {
			want.Since = from.Add(time.Duration(minutes) * time.Minute)
		}
		if got != want {
			t.Errorf("before %d: got %+v, want %+v", night, got, want)
		}
	}
	failing(0, 0, 0)
	l.attempt(t, "2024-03-01", KindNight, Published) // minutes 1 and 2
	failing(0, 0, 0)
	notStarted := []Notice{{AsOf: "2024-03-02", Event: "failure", Channel: "a", Tries: 1}, {AsOf: "2024-03-02", Event: "failure", Channel: "b", Tries: 2, Error: "no"}}
	l.pass()
	if err := l.RecordNotices(t.Context(), notStarted); err != nil { // minute 2, one attempt however many were told
		t.Fatal(err)
	}
	failing(0, 1, 2)
	l.attempt(t, "2024-03-02", KindExtraction, Failed) // is no night: 3
	l.attempt(t, "2024-03-02", KindPartial, Failed)    // neither: 4
	failing(0, 1, 2)
	l.attempt(t, "2024-03-02", KindNight, Failed)      // 5
	l.attempt(t, "2024-03-02", KindNight, Interrupted) // 6
	failing(0, 3, 2)
	good := l.attempt(t, "2024-03-02", KindNight, Published) // 7
	failing(good, 3, 2)                                      // it is a recovery
	failing(0, 0, 0)
	l.attempt(t, "2024-03-03", KindNight, Failed) // 8
	failing(0, 1, 8)
	failing(good, 3, 2)
}

func TestNoticesAndPushes(t *testing.T) {
	t.Parallel()
	l := newClocked(t)
	id := l.attempt(t, "2024-03-01", KindNight, Published)
	ctx := context.Background()
	told := []Notice{{Night: id, AsOf: "2024-03-01", Event: "warnings", Channel: "a", Tries: 1}, {Night: id, AsOf: "2024-03-01", Event: "warnings", Channel: "b", Tries: 5, Error: "refused"}}
	at := l.pass()
	if err := l.RecordNotices(ctx, told); err != nil {
		t.Fatal(err)
	}
	first := l.pass()
	if err := l.RecordPush(ctx, Push{Night: id, Target: "postgres", Error: "no server"}); err != nil {
		t.Fatal(err)
	}
	second := l.pass()
	if err := l.RecordPush(ctx, Push{Night: id, Target: "postgres", Tables: 3, Rows: 70, Seconds: 1.5}); err != nil {
		t.Fatal(err)
	}
	told[0].At, told[1].At = at, at
	if got, err := l.Notices(ctx, 1); err != nil || !reflect.DeepEqual(got, told[1:]) {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err := l.LatestNotices(ctx); err != nil || !reflect.DeepEqual(got, told) {
		t.Errorf("got %+v, %v", got, err)
	}
	want := []Push{{At: second, Night: id, AsOf: "2024-03-01", Target: "postgres", Tables: 3, Rows: 70, Seconds: 1.5},
		{At: first, Night: id, AsOf: "2024-03-01", Target: "postgres", Error: "no server"}}
	if got, err := l.Pushes(ctx, 0); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	// What was not delivered, and what is not there, are warnings of the night.
	if got, err := l.Nights(ctx, 1); err != nil || got[0].Warnings != 2 {
		t.Errorf("got %d warnings, %v", got[0].Warnings, err)
	}
	metrics := []ModelMetric{{"churn", "blend", "validation 2024-01-01", "auc", 0.81}, {"churn", "rule", "validation 2024-01-01", "auc", 0.7}}
	for range 2 {
		if err := l.RecordModelMetrics(ctx, id, metrics); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := l.ModelMetrics(ctx, id); err != nil || !reflect.DeepEqual(got, metrics) {
		t.Errorf("got %+v, %v", got, err)
	}
}
