package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Notice is what was told of a night on one channel.
type Notice struct {
	At      time.Time // set by RecordNotices
	Night   int64     // 0: of a night that could not start
	AsOf    string
	Event   string // failure, recovery, warnings, success
	Channel string
	Tries   int
	Error   string // why it was not delivered; "" when it was
}

// RecordNotices records what was told at one moment, and counts what was not delivered
// among the warnings of the night.
func (l *Ledger) RecordNotices(ctx context.Context, notices []Notice) error {
	at := stamp(l.now())
	err := l.tx(ctx, func(tx *sql.Tx) error {
		for _, n := range notices {
			if _, err := tx.ExecContext(ctx, `INSERT INTO notices (at, night, as_of, event, channel, tries, error) VALUES (?, nullif(?, 0), ?, ?, ?, ?, ?)`,
				at, n.Night, n.AsOf, n.Event, n.Channel, n.Tries, n.Error); err != nil {
				return err
			}
			if n.Error != "" {
				if err := warn(ctx, tx, n.Night); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("recording what was told: %w", err)
	}
	return nil
}

// warn counts one more warning of a published night.
func warn(ctx context.Context, tx *sql.Tx, night int64) error {
	_, err := tx.ExecContext(ctx, `UPDATE nights SET warnings = warnings + 1 WHERE id = ? AND status = 'published'`, night)
	return err
}

// Notices returns what was told last, newest first. limit 0 means all.
func (l *Ledger) Notices(ctx context.Context, limit int) ([]Notice, error) {
	if limit <= 0 {
		limit = -1
	}
	return collect(ctx, l, `SELECT at, coalesce(night, 0), as_of, event, channel, tries, error FROM notices ORDER BY id DESC LIMIT ?`, []any{limit}, scanNotice)
}

// LatestNotices returns what was told last on every channel, by channel.
func (l *Ledger) LatestNotices(ctx context.Context) ([]Notice, error) {
	return collect(ctx, l, `SELECT at, coalesce(night, 0), as_of, event, channel, tries, error FROM notices WHERE id IN (SELECT max(id) FROM notices GROUP BY channel) ORDER BY channel`, nil, scanNotice)
}

func scanNotice(r *sql.Rows) (Notice, error) {
	var n Notice
	var at sql.NullString
	err := r.Scan(&at, &n.Night, &n.AsOf, &n.Event, &n.Channel, &n.Tries, &n.Error)
	n.At = parseStamp(at)
	return n, err
}

// Failing is a row of nights that failed.
type Failing struct {
	Since    time.Time
	Attempts int // 0: the last night was a good one
}

// FailingBefore returns the attempts that failed since the last good night before a
// night (0: before now): nights that failed or were interrupted, and nights that could
// not start, as far as somebody was told of them.
func (l *Ledger) FailingBefore(ctx context.Context, night int64) (Failing, error) {
	var f Failing
	var since sql.NullString
	err := l.db.QueryRowContext(ctx, `WITH good AS (
    SELECT coalesce(max(id), 0) AS id, coalesce(max(finished_at), '') AS at FROM nights WHERE kind = 'night' AND status = 'published' AND (?1 = 0 OR id < ?1)
), bad AS (
    SELECT n.started_at AS at FROM nights n, good WHERE n.kind = 'night' AND n.status IN ('failed', 'interrupted') AND n.id > good.id AND (?1 = 0 OR n.id < ?1)
    UNION SELECT t.at FROM notices t, good WHERE t.night IS NULL AND t.event = 'failure' AND t.at > good.at AND (?1 = 0 OR t.at < (SELECT started_at FROM nights WHERE id = ?1))
)
SELECT min(at), count(*) FROM bad`, night).Scan(&since, &f.Attempts)
	if err != nil {
		return f, fmt.Errorf("looking for failed nights: %w", err)
	}
	f.Since = parseStamp(since)
	return f, nil
}

// Push is what became of publishing a night's tables elsewhere as well.
type Push struct {
	At      time.Time // set by RecordPush
	Night   int64
	AsOf    string // of the night; set when it is read
	Target  string // such as postgres
	Tables  int
	Rows    int64
	Seconds float64
	Error   string // "": they are there
}

// RecordPush records a push, and counts one that failed among the warnings of the night.
func (l *Ledger) RecordPush(ctx context.Context, p Push) error {
	err := l.tx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO pushes (at, night, target, tables, rows, seconds, error) VALUES (?, ?, ?, ?, ?, ?, ?)`,
			stamp(l.now()), p.Night, p.Target, p.Tables, p.Rows, p.Seconds, p.Error); err != nil {
			return err
		}
		if p.Error == "" {
			return nil
		}
		return warn(ctx, tx, p.Night)
	})
	if err != nil {
		return fmt.Errorf("recording that night %d was published to %s: %w", p.Night, p.Target, err)
	}
	return nil
}

// Pushes returns the latest pushes, newest first. limit 0 means all.
func (l *Ledger) Pushes(ctx context.Context, limit int) ([]Push, error) {
	if limit <= 0 {
		limit = -1
	}
	return collect(ctx, l, `SELECT p.at, p.night, n.as_of, p.target, p.tables, p.rows, p.seconds, p.error FROM pushes p JOIN nights n ON n.id = p.night ORDER BY p.id DESC LIMIT ?`, []any{limit}, func(r *sql.Rows) (Push, error) {
		var p Push
		var at sql.NullString
		err := r.Scan(&at, &p.Night, &p.AsOf, &p.Target, &p.Tables, &p.Rows, &p.Seconds, &p.Error)
		p.At = parseStamp(at)
		return p, err
	})
}

// ModelMetric is one number that tells how good a model is.
type ModelMetric struct {
	Task, Estimator, Data, Metric string
	Value                         float64
}

// RecordModelMetrics records how good the models of a night are.
func (l *Ledger) RecordModelMetrics(ctx context.Context, night int64, metrics []ModelMetric) error {
	err := l.tx(ctx, func(tx *sql.Tx) error {
		for _, m := range metrics {
			if _, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO model_metrics (night, task, estimator, data, metric, value) VALUES (?, ?, ?, ?, ?, ?)`,
				night, m.Task, m.Estimator, m.Data, m.Metric, m.Value); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("recording the metrics of night %d: %w", night, err)
	}
	return nil
}

// ModelMetrics returns how good the models of a night are.
func (l *Ledger) ModelMetrics(ctx context.Context, night int64) ([]ModelMetric, error) {
	return collect(ctx, l, `SELECT task, estimator, data, metric, value FROM model_metrics WHERE night = ? ORDER BY task, estimator, data, metric`, []any{night}, func(r *sql.Rows) (ModelMetric, error) {
		var m ModelMetric
		err := r.Scan(&m.Task, &m.Estimator, &m.Data, &m.Metric, &m.Value)
		return m, err
	})
}
