package monitor

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mainstay-etl/mainstay/pipeline/ledger"
)

// desc names a metric.
func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("mainstay_"+name, help, labels, nil)
}

// The metrics. "Last" nights are by when they ran, not by their as-of day.
var (
	buildInfo = desc("build_info", "Version of mainstay that gives these numbers; always 1.", "version")
	readable  = desc("ledger_readable", "1 when the ledger could be read; when 0, nothing else is known.")

	attemptStarted = desc("night_last_attempt_timestamp_seconds", "When the last night started.")
	attemptStatus  = desc("night_last_attempt_status", "1 for the status of the last night, 0 for the others.", "status")
	attempts       = desc("nights", "Nights in the ledger by how they ended.", "status")
	failing        = desc("nights_failing", "Nights that failed since the last good one.")
	failingSince   = desc("nights_failing_since_timestamp_seconds", "When the first of the nights that failed since the last good one started; absent when none did.")

	success         = desc("night_last_success_timestamp_seconds", "When the last night was published.")
	successAsOf     = desc("night_last_success_as_of_timestamp_seconds", "As-of day of the last published night, as its start in UTC.")
	successDuration = desc("night_last_success_duration_seconds", "How long the last published night took.")
	successWarnings = desc("night_last_success_warnings", "Warnings of the last published night.")
	shownAsOf       = desc("shown_as_of_timestamp_seconds", "As-of day of the night that readers see, as its start in UTC.")
	running         = desc("night_running_since_timestamp_seconds", "When the night or extraction that holds the data directory began; absent when none does.")

	jobSeconds   = desc("job_duration_seconds", "How long a job of the last published night took; a job makes a table.", "table", "status")
	tableRows    = desc("table_rows", "Rows of a table of the last published night.", "table")
	rowsTaken    = desc("rows", "What became of the rows that were taken since the night before the last published one.", "source", "table", "outcome")
	checkFailing = desc("check_failing_rows", "Rows that fail a check of the last night that got so far; absent for checks that hold.", "table", "check", "severity")
	modelMetric  = desc("model_metric", "How good the models of the last published night are, by metric.", "task", "estimator", "data", "metric")

	toldAt    = desc("notification_last_timestamp_seconds", "When a channel was last told something.", "channel")
	toldWell  = desc("notification_last_success", "1 when what a channel was last told was delivered.", "channel")
	pushAt    = desc("push_last_timestamp_seconds", "When a night was last published elsewhere as well.", "target")
	pushWell  = desc("push_last_success", "1 when the last night that was to be published elsewhere is there.", "target")
	pushRows  = desc("push_last_rows", "Rows of the last night that was published elsewhere.", "target")
	nextStart = desc("schedule_next_timestamp_seconds", "When a schedule starts next.", "schedule")
	slotAt    = desc("schedule_last_slot_timestamp_seconds", "Time of the last slot of a schedule that is over.", "schedule")
	slotWell  = desc("schedule_last_slot_status", "1 for how the last slot of a schedule ended, 0 for the other ways.", "schedule", "status")
	alive     = desc("scheduler_alive_timestamp_seconds", "When the scheduler last looked at the clock.")
)

// All lists the metrics: a test holds the dashboard, the alerts and the docs to it.
var all = []*prometheus.Desc{buildInfo, readable, attemptStarted, attemptStatus, attempts, failing, failingSince, success, successAsOf, successDuration, successWarnings, shownAsOf, running,
	jobSeconds, tableRows, rowsTaken, checkFailing, modelMetric, toldAt, toldWell, pushAt, pushWell, pushRows, nextStart, slotAt, slotWell, alive}

// nights collects the metrics from the ledger.
type nights struct{ o Options }

func (n *nights) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range all {
		ch <- d
	}
}

func (n *nights) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	g := gauges{ch}
	g.set(buildInfo, 1, n.o.Version)
	if n.o.Next != nil {
		for _, s := range n.o.Next(time.Now()) {
			g.at(nextStart, s.At, s.Schedule)
		}
	}
	if n.o.Alive != nil {
		g.at(alive, n.o.Alive())
	}
	l, err := ledger.OpenExisting(ctx, n.o.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		g.set(readable, 1) // no night has run yet
		return
	}
	if err == nil {
		err = errors.Join(g.ledger(ctx, l), l.Close())
	}
	g.set(readable, flag(err == nil))
}

// gauges gives metrics to Prometheus.
type gauges struct{ ch chan<- prometheus.Metric }

func (g gauges) set(d *prometheus.Desc, v float64, labels ...string) {
	g.ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

// at gives a time, unless there is none.
func (g gauges) at(d *prometheus.Desc, t time.Time, labels ...string) {
	if !t.IsZero() {
		g.set(d, float64(t.UnixMilli())/1000, labels...)
	}
}

// day gives an as-of day as its start in UTC.
func (g gauges) day(d *prometheus.Desc, day string) {
	if t, err := time.Parse(time.DateOnly, day); err == nil {
		g.at(d, t)
	}
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// ledger gives all that the ledger knows.
func (g gauges) ledger(ctx context.Context, l *ledger.Ledger) error {
	all, err := l.Nights(ctx, 0)
	if err != nil {
		return err
	}
	last, before := g.nights(all)
	if last.ID != 0 {
		err = g.published(ctx, l, last, before)
	}
	return errors.Join(err, g.state(ctx, l, all), g.slots(ctx, l), g.told(ctx, l))
}

// nights gives what the list of nights tells, and finds the last published one and the
// one before it.
func (g gauges) nights(all []ledger.Night) (last, before ledger.Night) {
	counts := map[string]int{ledger.Running: 0, ledger.Published: 0, ledger.Failed: 0, ledger.Interrupted: 0}
	var newest ledger.Night
	for _, n := range all {
		if n.Kind != ledger.KindNight {
			continue
		}
		counts[n.Status]++
		if newest.ID == 0 {
			newest = n
		}
		switch {
		case n.Status != ledger.Published:
		case last.ID == 0:
			last = n
		case before.ID == 0:
			before = n
		}
	}
	for status, n := range counts {
		g.set(attempts, float64(n), status)
		if newest.ID != 0 {
			g.set(attemptStatus, flag(newest.Status == status), status)
		}
	}
	g.at(attemptStarted, newest.StartedAt)
	return last, before
}

// published gives what is known of the last published night.
func (g gauges) published(ctx context.Context, l *ledger.Ledger, last, before ledger.Night) error {
	g.at(success, last.FinishedAt)
	g.day(successAsOf, last.AsOf)
	g.set(successDuration, last.FinishedAt.Sub(last.StartedAt).Seconds())
	g.set(successWarnings, float64(last.Warnings))
	jobs, err := l.Jobs(ctx, last.ID)
	if err != nil {
		return err
	}
	for _, j := range jobs {
		g.set(jobSeconds, j.Seconds, j.Name, j.Status)
		g.set(tableRows, float64(j.Rows), j.Name)
	}
	taken, err := l.RowsTaken(ctx, before.ID, last.ID)
	if err != nil {
		return err
	}
	for _, t := range taken {
		for outcome, n := range map[string]int64{"read": t.Read, "stored": t.Stored, "duplicate": t.Duplicates, "quarantined": t.Quarantined, "forgotten": t.Forgotten} {
			g.set(rowsTaken, float64(n), t.Source, t.Table, outcome)
		}
	}
	metrics, err := l.ModelMetrics(ctx, last.ID)
	if err != nil {
		return err
	}
	seen := map[ledger.ModelMetric]bool{}
	for i := len(metrics) - 1; i >= 0; i-- { // of several days the latest
		m, v := metrics[i], metrics[i].Value
		m.Data, _, _ = strings.Cut(m.Data, " ") // a label that changes with the day is a new series
		m.Value = 0
		if !seen[m] {
			seen[m] = true
			g.set(modelMetric, v, m.Task, m.Estimator, m.Data, m.Metric)
		}
	}
	return nil
}

// state gives what is the case now.
func (g gauges) state(ctx context.Context, l *ledger.Ledger, all []ledger.Night) error {
	f, err := l.FailingBefore(ctx, 0)
	if err != nil {
		return err
	}
	g.set(failing, float64(f.Attempts))
	g.at(failingSince, f.Since)
	shown, ok, err := l.Shown(ctx)
	if err != nil {
		return err
	}
	if ok {
		g.day(shownAsOf, shown.AsOf)
	}
	held, err := l.Holder(ctx)
	if err != nil {
		return err
	}
	if held != nil {
		g.at(running, held.Since)
	}
	for _, n := range all {
		checks, err := l.Checks(ctx, n.ID)
		if err != nil {
			return err
		}
		for _, c := range checks {
			if c.Failing > 0 {
				g.set(checkFailing, float64(c.Failing), c.Table, c.Name, c.Severity)
			}
		}
		if len(checks) > 0 {
			return nil
		}
	}
	return nil
}

// recent is how many slots are looked at for the last one of each schedule.
const recent = 500

// slots gives how the last slot of every schedule ended.
func (g gauges) slots(ctx context.Context, l *ledger.Ledger) error {
	slots, err := l.Slots(ctx, recent)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	over := []string{ledger.SlotDone, ledger.SlotFailed, ledger.SlotSkipped}
	for _, s := range slots {
		if seen[s.Schedule] || !slices.Contains(over, s.Status) {
			continue
		}
		seen[s.Schedule] = true
		g.at(slotAt, s.At, s.Schedule)
		for _, status := range over {
			g.set(slotWell, flag(s.Status == status), s.Schedule, status)
		}
	}
	return nil
}

// told gives what was told and published elsewhere.
func (g gauges) told(ctx context.Context, l *ledger.Ledger) error {
	notices, err := l.LatestNotices(ctx)
	if err != nil {
		return err
	}
	for _, n := range notices {
		g.at(toldAt, n.At, n.Channel)
		g.set(toldWell, flag(n.Error == ""), n.Channel)
	}
	pushes, err := l.Pushes(ctx, 1)
	if err != nil {
		return err
	}
	for _, p := range pushes {
		g.at(pushAt, p.At, p.Target)
		g.set(pushWell, flag(p.Error == ""), p.Target)
		g.set(pushRows, float64(p.Rows), p.Target)
	}
	return nil
}
