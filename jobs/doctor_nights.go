package jobs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/limits"
	"github.com/mainstay-etl/mainstay/pipeline/schedule"
	"github.com/mainstay-etl/mainstay/pipeline/warehouse"
)

// ledger looks at the ledger, and through it at the nights.
func (d *doctor) ledger(ctx context.Context) {
	if _, err := os.Stat(d.dataDir); errors.Is(err, fs.ErrNotExist) {
		return
	}
	if _, err := os.Stat(filepath.Join(d.dataDir, ledger.FileName)); errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(d.dataDir, ledger.RedoDir)); err == nil {
			d.say(Broken, "ledger", "mainstay repair --data "+d.dataDir, "it is gone from %s, its redo log is there", d.dataDir)
			return
		}
		d.say(Healthy, "ledger", "", "no night has run yet")
		return
	}
	if format, err := ledger.FormatOf(ctx, d.dataDir); err == nil && format < ledger.Version && format > 0 {
		d.say(Look, "ledger", "back up, then go on: the next night, or any other command, brings it to the new format", "it has format %d of an earlier version, and is not looked into: to open it would change it", format)
		return
	}
	l, err := ledger.OpenExisting(ctx, d.dataDir)
	if err != nil {
		d.say(Broken, "ledger", "mainstay repair --data "+d.dataDir, "%v", err)
		return
	}
	defer l.Close()
	held, err := l.Holder(ctx)
	if err != nil {
		d.say(Broken, "ledger", "mainstay repair --data "+d.dataDir, "%v", err)
		return
	}
	if held == nil {
		sound := false
		if held, sound, err = d.soundUnlessHeld(ctx, l); err != nil {
			d.say(Broken, "ledger", "mainstay repair --data "+d.dataDir, "%v", err)
			return
		}
		if !sound && held == nil {
			return
		}
	}
	nights, err := l.Nights(ctx, 0)
	if err != nil {
		d.say(Broken, "ledger", "mainstay repair --data "+d.dataDir, "%v", err)
		return
	}
	d.lease(held, nights)
	d.clock(nights)
	d.lastNights(nights)
	d.readers(ctx, l)
	d.shownDay(ctx, l)
	d.missing(ctx, l)
}

// soundUnlessHeld proves the ledger against its redo log, unless a night begins meanwhile:
// then that is who holds it.
func (d *doctor) soundUnlessHeld(ctx context.Context, l *ledger.Ledger) (held *ledger.HeldError, sound bool, err error) {
	found, err := ledger.Repair(ctx, d.dataDir, ledger.RepairOptions{DryRun: true, Now: d.now})
	if errors.Is(err, ledger.ErrInUse) {
		if held, err = l.Holder(ctx); held == nil && err == nil {
			d.say(Look, "ledger", "ask again in a minute", "it is being repaired or examined by another process")
			return nil, true, nil
		}
		return held, true, err
	}
	return nil, d.sound(found, err), nil
}

// sound tells what was found when the ledger was compared with its redo log.
func (d *doctor) sound(found ledger.Repaired, err error) bool {
	switch {
	case err != nil:
		d.say(Broken, "ledger", "mainstay repair --data "+d.dataDir, "%v", err)
	case found.Damage != nil:
		d.say(Broken, "ledger", "mainstay repair --data "+d.dataDir, "%v", found.Damage)
	case found.Renewed:
		d.say(Look, "ledger", "mainstay repair --data "+d.dataDir+" writes it anew", "it is sound, its redo log is not")
		return true
	default:
		d.say(Healthy, "ledger", "", "whole, and as its redo log tells")
		return true
	}
	return false
}

func (d *doctor) lease(held *ledger.HeldError, nights []ledger.Night) {
	if held != nil {
		d.say(Healthy, "lease", "", "%s runs since %s, process %d on %s", held.Holder, held.Since.Local().Format(time.DateTime), held.PID, held.Host)
		return
	}
	running := 0
	for _, n := range nights {
		if n.Status == ledger.Running {
			running++
		}
	}
	if running > 0 {
		d.say(Look, "lease", "run the night again: it goes on, and settles this", "nobody holds the data directory, but %d nights count as running: their process died", running)
		return
	}
	d.say(Healthy, "lease", "", "free")
}

// clock compares the clock with the times in the ledger.
func (d *doctor) clock(nights []ledger.Night) {
	var latest time.Time
	for _, n := range nights {
		for _, at := range []time.Time{n.StartedAt, n.FinishedAt} {
			if at.After(latest) {
				latest = at
			}
		}
	}
	if latest.Sub(d.now) > time.Minute {
		d.say(Broken, "clock", "set the clock (is NTP running?)", "it says %s, but a night ended at %s", d.now.UTC().Format(time.RFC3339), latest.UTC().Format(time.RFC3339))
		return
	}
	zone := "UTC"
	if d.p != nil {
		zone = string(d.p.Config.TimeZone)
		d.say(Healthy, "clock", "", "%s in the business time zone %s", d.now.In(d.p.Config.Location()).Format("2006-01-02 15:04:05 -0700"), zone)
		return
	}
	d.say(Healthy, "clock", "", "%s", d.now.UTC().Format(time.RFC3339))
}

// lastNights looks at the newest attempts.
func (d *doctor) lastNights(nights []ledger.Night) {
	var whole []ledger.Night
	for _, n := range nights { // newest first
		if n.Kind == ledger.KindNight && n.Status != ledger.Running {
			whole = append(whole, n)
		}
	}
	if len(whole) == 0 {
		d.say(Healthy, "last nights", "", "none has ended yet")
		return
	}
	bad := 0
	for _, n := range whole[:min(7, len(whole))] {
		if n.Status != ledger.Published {
			bad++
		}
	}
	n := whole[0]
	switch {
	case n.Status == ledger.Failed:
		d.say(Broken, "last nights", fmt.Sprintf("mainstay nights show %d; mend the cause, then run it again", n.ID), "night %d of %s failed: %s", n.ID, n.AsOf, n.Error)
	case n.Status == ledger.Interrupted:
		d.say(Look, "last nights", "mainstay run --as-of "+n.AsOf+" goes on", "night %d of %s was interrupted", n.ID, n.AsOf)
	case n.Warnings > 0:
		d.say(Look, "last nights", fmt.Sprintf("read them: mainstay nights show %d", n.ID), "night %d of %s is published, with %d warnings; %d of the last %d attempts did not end well", n.ID, n.AsOf, n.Warnings, bad, min(7, len(whole)))
	case bad > 0:
		d.say(Look, "last nights", "mainstay nights", "night %d of %s is published, but %d of the last %d attempts did not end well", n.ID, n.AsOf, bad, min(7, len(whole)))
	default:
		d.say(Healthy, "last nights", "", "night %d of %s is published without a warning", n.ID, n.AsOf)
	}
}

// readers looks at what readers see.
func (d *doctor) readers(ctx context.Context, l *ledger.Ledger) {
	night, file, ok, err := l.ShownWarehouse(ctx)
	if err != nil || !ok {
		return
	}
	s, err := warehouse.Open(ctx, d.dataDir)
	if err != nil {
		d.say(Broken, "warehouse", fmt.Sprintf("mainstay publish rollback %d builds it anew", night.ID), "%v", err)
		return
	}
	defer s.Close()
	var tables int64
	if err := s.Scan(ctx, "SELECT count(*) FROM duckdb_tables() WHERE NOT internal", &tables); err != nil {
		d.say(Broken, "warehouse", fmt.Sprintf("mainstay publish rollback %d builds it anew", night.ID), "%v", err)
		return
	}
	how := map[string]string{ledger.ForRollback: ", which was brought back", ledger.ForForgetting: ", built anew by mainstay forget"}[file.Why]
	d.say(Healthy, "warehouse", "", "shows night %d of %s%s: %d tables", night.ID, night.AsOf, how, tables)
}

// missing looks for days without a night: those between the first and the last night, and
// those since.
func (d *doctor) missing(ctx context.Context, l *ledger.Ledger) {
	if d.p == nil {
		return
	}
	plans, err := d.p.Config.Plans()
	if err != nil {
		return
	}
	days, err := MissingDays(ctx, l, plans, d.p.Config.Location(), d.today())
	if err != nil {
		d.say(Broken, "missing nights", "mainstay repair --data "+d.dataDir, "%v", err)
		return
	}
	if len(days) > 0 {
		first, last := days[0], days[len(days)-1]
		d.say(Look, "missing nights", fmt.Sprintf("mainstay backfill --from %s --to %s", first, last), "%d days by the schedules, from %s to %s", len(days), first, last)
		return
	}
	due := d.lastDue(plans)
	shown, ok, err := l.Shown(ctx)
	if err == nil && ok && !due.IsZero() && shown.At.Before(due) {
		d.say(Look, "missing nights", "does the scheduler (or cron) run? mainstay schedule status", "nothing was published since %s, and a night was due at %s", shown.At.Local().Format(time.DateTime), due.Local().Format(time.DateTime))
		return
	}
	d.say(Healthy, "missing nights", "", "none by the schedules")
}

// lastDue is when a night was due last, long enough ago for it to have ended.
func (d *doctor) lastDue(plans []schedule.Plan) time.Time {
	const enough = 12 * time.Hour
	var last time.Time
	for _, plan := range plans {
		if plan.Work == schedule.Extract {
			continue
		}
		for slot := plan.When.Next(d.now.Add(-35 * 24 * time.Hour)); !slot.IsZero() && slot.Before(d.now.Add(-enough)); slot = plan.When.Next(slot) {
			if slot.After(last) {
				last = slot
			}
		}
	}
	return last
}

// space compares what is free with what the last night wrote.
func (d *doctor) space(ctx context.Context) {
	free, inodes, err := limits.Free(d.dataDir)
	if err != nil {
		d.say(Look, "disk", "look at the free space yourself", "%v", err)
		return
	}
	need := int64(1 << 30)
	if used, err := sizeOf(filepath.Join(d.dataDir, warehouse.FileName)); err == nil {
		need = max(need, 4*used) // the next warehouse, its tables, and what does not fit in memory
	}
	found := fmt.Sprintf("%s free where the data is", gigabytes(free))
	if inodes >= 0 {
		found += fmt.Sprintf(", %d inodes", inodes)
	}
	switch {
	case free < need/4 || inodes >= 0 && inodes < 1000:
		d.say(Broken, "disk", "make room (mainstay gc --dry-run shows what is not needed)", "%s: a night will fail", found)
	case free < need || inodes >= 0 && inodes < 10000:
		d.say(Look, "disk", "make room (mainstay gc --dry-run shows what is not needed)", "%s: a night may need %s", found, gigabytes(need))
	default:
		d.say(Healthy, "disk", "", "%s", found)
	}
}

// maxSkew is how far the clock of a source may be off: more moves orders between days.
const maxSkew = time.Minute

// sources looks at every source as `mainstay check` does, and at its clock.
func (d *doctor) sources(ctx context.Context) {
	for _, c := range d.p.Config.Sources {
		subject := "source " + c.Name
		r, err := d.p.checkSource(ctx, c)
		if err != nil {
			d.say(Broken, subject, "`mainstay check` says more", "%v", err)
			continue
		}
		skew := r.Seen.Sub(r.Clock).Round(time.Second)
		found := r.Server
		if found == "" {
			found = fmt.Sprintf("%d files, %d of them new or changed", r.Inputs, r.New)
		}
		switch errors := r.Errors(); {
		case len(r.Missing) > 0:
			d.say(Broken, subject, "check the path, or put files there", "no file matches %s", strings.Join(r.Missing, ", "))
		case errors > 0:
			d.say(Broken, subject, "`mainstay check` shows them", "%s: %d mistakes in its mappings", found, errors)
		case skew.Abs() > maxSkew:
			d.say(Look, subject, "set the clock there or here (is NTP running?)", "%s: its clock is off from ours by %s", found, skew)
		default:
			d.say(Healthy, subject, "", "%s", found)
		}
	}
}
