package ledger

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"time"
)

// Status of a night.
const (
	Running     = "running"
	Published   = "published"
	Failed      = "failed"
	Interrupted = "interrupted" // its process ended without a word
)

// Night is one attempt at one as-of day.
type Night struct {
	ID                    int64
	AsOf                  string // YYYY-MM-DD
	Status                string
	StartedAt, FinishedAt time.Time
	Host                  string
	PID                   int
	Version, Config, Lake string
	Directory             string // where its tables are, relative to the data directory
	Warnings              int
	Error                 string
	DayOnly               bool   // only the day's link shows it, not the warehouse: for End, not read back
	Code, Settings        string // fingerprints of the program and of the configuration
	Models                string // fingerprint of the SQL
	Kind                  string // KindNight, KindExtraction or KindPartial; "" means a night
}

// Kinds of nights.
const (
	KindNight      = "night"
	KindExtraction = "extraction" // fills the lake and publishes no tables: Published means that it ended well
	KindPartial    = "partial"    // makes only some tables: Published means that it ended well, nothing is published
)

// Begin records that a night starts and returns its id. Nights that an earlier
// process left running are marked interrupted: the lease says that it is gone.
func (l *Ledger) Begin(ctx context.Context, n Night) (int64, error) {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	var id int64
	err = l.tx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE nights SET status = ?, finished_at = ?, error = 'its process ended before the night did' WHERE status = ?`,
			Interrupted, stamp(l.now()), Running); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, `INSERT INTO nights (as_of, status, started_at, host, pid, version, config, code, settings, models, kind) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			n.AsOf, Running, stamp(l.now()), host, os.Getpid(), n.Version, n.Config, n.Code, n.Settings, n.Models, cmp.Or(n.Kind, KindNight))
		if err != nil {
			return err
		}
		id, err = res.LastInsertId()
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("recording the start of night %s: %w", n.AsOf, err)
	}
	return id, nil
}

// Publishing records what a night is about to publish. When its process dies between
// the swap of the warehouse and End, Recover still knows that the night was published.
// warehouse is the digest of that one, or "" when only the day's link is to show the night.
func (l *Ledger) Publishing(ctx context.Context, n Night, warehouse string, tables []NightTable) error {
	err := l.tx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE nights SET lake = ?, directory = ?, warnings = ?, warehouse = ? WHERE id = ?`,
			n.Lake, n.Directory, n.Warnings, warehouse, n.ID); err != nil {
			return err
		}
		return recordTables(ctx, tx, n.ID, tables)
	})
	if err != nil {
		return fmt.Errorf("recording what night %s publishes: %w", n.AsOf, err)
	}
	return nil
}

// Recover settles a night that an earlier process left running although it was
// published. Only the holder of the lease may.
func (l *Ledger) Recover(ctx context.Context, id int64) error {
	err := l.tx(ctx, func(tx *sql.Tx) error {
		var warehouse string
		if err := tx.QueryRowContext(ctx, `UPDATE nights SET status = ?, finished_at = ?, error = 'its process ended right after it was published' WHERE id = ? AND status = ? RETURNING warehouse`,
			Published, stamp(l.now()), id, Running).Scan(&warehouse); err != nil {
			if errors.Is(err, sql.ErrNoRows) {
				return nil // settled before
			}
			return err
		}
		return l.recordPublication(ctx, tx, id, PublishedAnew, warehouse != "")
	})
	if err != nil {
		return fmt.Errorf("recovering an interrupted night: %w", err)
	}
	return nil
}

// Unsettled returns the night that an earlier process left running when it was about to
// publish, and the digest of the warehouse that it was about to publish: it was
// published if that one is in place. A night with the digest "" was published if its day's
// link shows it. ok is false when there is none.
func (l *Ledger) Unsettled(ctx context.Context) (n Night, warehouse string, ok bool, err error) {
	err = l.db.QueryRowContext(ctx, `SELECT id, as_of, warehouse FROM nights WHERE status = ? AND directory <> '' ORDER BY id DESC LIMIT 1`, Running).Scan(&n.ID, &n.AsOf, &warehouse)
	if errors.Is(err, sql.ErrNoRows) {
		return n, "", false, nil
	}
	if err != nil {
		return n, "", false, fmt.Errorf("looking for interrupted nights: %w", err)
	}
	return n, warehouse, true, nil
}

// End records how a night ended, and that readers see it when it was published.
func (l *Ledger) End(ctx context.Context, n Night) error {
	err := l.tx(ctx, func(tx *sql.Tx) error {
		var kind string
		if err := tx.QueryRowContext(ctx, `UPDATE nights SET status = ?, finished_at = ?, lake = ?, directory = ?, warnings = ?, error = ? WHERE id = ? RETURNING kind`,
			n.Status, stamp(l.now()), n.Lake, n.Directory, n.Warnings, n.Error, n.ID).Scan(&kind); err != nil {
			return err
		}
		if n.Status != Published || kind != KindNight {
			return nil
		}
		return l.recordPublication(ctx, tx, n.ID, PublishedAnew, !n.DayOnly)
	})
	if err != nil {
		return fmt.Errorf("recording the end of night %s: %w", n.AsOf, err)
	}
	return nil
}

const nightColumns = `id, as_of, status, started_at, finished_at, host, pid, version, config, lake, directory, warnings, error, code, settings, models, kind`

func scanNight(r *sql.Rows) (Night, error) {
	var n Night
	var from, to sql.NullString
	err := r.Scan(&n.ID, &n.AsOf, &n.Status, &from, &to, &n.Host, &n.PID, &n.Version, &n.Config, &n.Lake, &n.Directory, &n.Warnings, &n.Error, &n.Code, &n.Settings, &n.Models, &n.Kind)
	n.StartedAt, n.FinishedAt = parseStamp(from), parseStamp(to)
	return n, err
}

// Nights returns the latest attempts, newest first. limit 0 means all.
func (l *Ledger) Nights(ctx context.Context, limit int) ([]Night, error) {
	if limit <= 0 {
		limit = -1
	}
	return collect(ctx, l, `SELECT `+nightColumns+` FROM nights ORDER BY id DESC LIMIT ?`, []any{limit}, scanNight)
}

// LastAttempt returns the latest attempt of a kind at an as-of day, if there was one.
func (l *Ledger) LastAttempt(ctx context.Context, kind, asOf string) (Night, bool, error) {
	found, err := collect(ctx, l, `SELECT `+nightColumns+` FROM nights WHERE kind = ? AND as_of = ? ORDER BY id DESC LIMIT 1`, []any{kind, asOf}, scanNight)
	if err != nil || len(found) == 0 {
		return Night{}, false, err
	}
	return found[0], true, nil
}

// PublishedNights returns, for every as-of day that was ever published, the night that it
// shows, by as-of day: the latest one, or one that was brought back.
func (l *Ledger) PublishedNights(ctx context.Context) ([]Night, error) {
	return collect(ctx, l, `SELECT `+nightColumns+` FROM nights WHERE id IN (
		SELECT night FROM publications WHERE id IN (SELECT max(p.id) FROM publications p JOIN nights n ON n.id = p.night GROUP BY n.as_of)
		UNION ALL
		SELECT max(id) FROM nights WHERE status = 'published' AND kind = 'night'
			AND as_of NOT IN (SELECT n.as_of FROM publications p JOIN nights n ON n.id = p.night) GROUP BY as_of) ORDER BY as_of`, nil, scanNight)
}

// JobResult is how one job of a night ended.
type JobResult struct {
	Name    string
	Status  string // done, reused, failed, skipped
	Rows    int64
	Seconds float64
	Note    string
}

// Job statuses.
const (
	JobDone    = "done"
	JobReused  = "reused" // nothing it depends on had changed
	JobFailed  = "failed"
	JobSkipped = "skipped" // a job before it failed
)

// RecordJob records how a job ended.
func (l *Ledger) RecordJob(ctx context.Context, night int64, r JobResult) error {
	_, err := l.db.ExecContext(ctx, `INSERT OR REPLACE INTO jobs (night, name, status, rows, seconds, note) VALUES (?, ?, ?, ?, ?, ?)`,
		night, r.Name, r.Status, r.Rows, r.Seconds, r.Note)
	if err != nil {
		return fmt.Errorf("recording job %s: %w", r.Name, err)
	}
	return nil
}

// Jobs returns the jobs of a night, in the order in which they were recorded.
func (l *Ledger) Jobs(ctx context.Context, night int64) ([]JobResult, error) {
	return collect(ctx, l, `SELECT name, status, rows, seconds, note FROM jobs WHERE night = ? ORDER BY rowid`, []any{night}, func(r *sql.Rows) (JobResult, error) {
		var j JobResult
		err := r.Scan(&j.Name, &j.Status, &j.Rows, &j.Seconds, &j.Note)
		return j, err
	})
}

// NightJob is how a job ended in one night.
type NightJob struct {
	Night int64
	JobResult
}

// JobHistory returns how a job ended in every night that ran it, oldest first.
func (l *Ledger) JobHistory(ctx context.Context, name string) ([]NightJob, error) {
	return collect(ctx, l, `SELECT night, name, status, rows, seconds, note FROM jobs WHERE name = ? ORDER BY night`, []any{name}, func(r *sql.Rows) (NightJob, error) {
		var j NightJob
		err := r.Scan(&j.Night, &j.Name, &j.Status, &j.Rows, &j.Seconds, &j.Note)
		return j, err
	})
}

// CheckResult is one check of one table of a night.
type CheckResult struct {
	Table, Name, Severity string
	Failing               int64 // rows that fail it; 0 means it holds
	Detail                string
}

// RecordChecks records the check results of a night.
func (l *Ledger) RecordChecks(ctx context.Context, night int64, rs []CheckResult) error {
	return l.tx(ctx, func(tx *sql.Tx) error {
		for _, r := range rs {
			if _, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO check_results (night, tbl, name, severity, failing, detail) VALUES (?, ?, ?, ?, ?, ?)`,
				night, r.Table, r.Name, r.Severity, r.Failing, r.Detail); err != nil {
				return fmt.Errorf("recording check %s of %s: %w", r.Name, r.Table, err)
			}
		}
		return nil
	})
}

// Checks returns the check results of a night.
func (l *Ledger) Checks(ctx context.Context, night int64) ([]CheckResult, error) {
	return collect(ctx, l, `SELECT tbl, name, severity, failing, detail FROM check_results WHERE night = ? ORDER BY tbl, name`, []any{night}, func(r *sql.Rows) (CheckResult, error) {
		var c CheckResult
		err := r.Scan(&c.Table, &c.Name, &c.Severity, &c.Failing, &c.Detail)
		return c, err
	})
}
