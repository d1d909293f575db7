package mysql

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/source/relational"
)

const numbers = "CREATE TABLE t (id INT PRIMARY KEY, x INT)"

// count gives the rows of t in the session.
func (b *bundle) count(s *session) string {
	b.Helper()
	rows, err := s.texts(b.Context(), "SELECT count(*) FROM t", 1)
	if err != nil {
		b.Fatal(err)
	}
	return rows[0][0]
}

func TestSnapshot(t *testing.T) {
	b := setup(t, numbers, "INSERT INTO t VALUES (1, 1)")
	before, err := b.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m := b.begin()
	if m.Now < before.Now || m.Now-before.Now > 60e6 || time.Since(time.UnixMicro(m.Now)).Abs() > time.Minute {
		t.Errorf("moments %d and %d", before.Now, m.Now)
	}
	b.server.Exec(t, "INSERT INTO t VALUES (2, 2)")
	if n := b.count(b.session); n != "1" {
		t.Errorf("%s rows, want 1: no snapshot", n)
	}
	if _, err := b.conn.ExecContext(t.Context(), "INSERT INTO t VALUES (3, 3)", nil); err == nil {
		t.Error("the session can write")
	}
	if name, err := b.Export(t.Context()); name != "" || err != nil {
		t.Error(name, err)
	}
	if _, err := b.Begin(t.Context(), "x"); err == nil {
		t.Error("a snapshot was joined")
	}
	b.Close()
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if err := b.Rows(t.Context(), "SELECT 1", nil, none{}); err == nil {
		t.Error("a closed session reads")
	}
}

func TestSessionIsReadOnlyBeforeBegin(t *testing.T) {
	b := setup(t, numbers)
	if _, err := b.conn.ExecContext(t.Context(), "INSERT INTO t VALUES (3, 3)", nil); err == nil {
		t.Error("the session can write")
	}
}

// TestSettings looks that a session is right on a server with odd settings, which the
// test servers' zone is one of.
func TestSettings(t *testing.T) {
	b := setup(t)
	b.begin()
	rows, err := b.texts(t.Context(), `SELECT @@time_zone, @@sql_mode, @@character_set_results, @@tx_isolation, @@max_statement_time, @@lock_wait_timeout,
		@@innodb_lock_wait_timeout, @@wait_timeout, TIMESTAMP'2024-01-01 00:00:00' = FROM_UNIXTIME(1704067200)`, 9)
	if want := "+00:00||utf8mb4|REPEATABLE-READ|60|5|5|3600|1"; err != nil || strings.ReplaceAll(strings.Join(rows[0], "|"), "60.000000", "60") != want {
		t.Errorf("%q, %v, want %s", rows, err, want)
	}
	if !strings.HasPrefix(b.Server(), "MariaDB 1") && !strings.HasPrefix(b.Server(), "MySQL ") {
		t.Error(b.Server())
	}
}

func TestSettingsOfMySQL(t *testing.T) {
	t.Parallel()
	list := strings.Join(settings(relational.Limits{StatementTimeout: 1500 * time.Millisecond, LockTimeout: time.Millisecond}, false), "\n")
	for _, want := range []string{"max_execution_time = 1500\n", "lock_wait_timeout = 1, innodb_lock_wait_timeout = 1\n"} {
		if !strings.Contains(list, want) || strings.Contains(list, "max_statement_time") {
			t.Errorf("%q is not in:\n%s", want, list)
		}
	}
}

func TestStatementTimeoutKeepsTheSnapshot(t *testing.T) {
	b := setup(t, numbers, "INSERT INTO t VALUES (1, 1)")
	d, s := b.connect(b.server.URL, short())
	if _, err := s.Begin(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	b.server.Exec(t, "INSERT INTO t VALUES (2, 2)")
	start := time.Now()
	err := s.Rows(t.Context(), "SELECT SLEEP(20) FROM t", []relational.Field{d.IntField("a")}, none{})
	b.fails(err, relational.Timeout, "max_statement_time")
	if time.Since(start) > 10*time.Second {
		t.Error("the server waited on")
	}
	if n := b.count(s); n != "1" {
		t.Errorf("%s rows, want 1: the snapshot is lost", n)
	}
}

func TestLockTimeout(t *testing.T) {
	b := setup(t, numbers)
	d, s := b.connect(b.server.URL, short())
	other := b.server.Session(t)
	other.Exec(t, "LOCK TABLES t WRITE")
	err := s.Rows(t.Context(), "SELECT count(*) FROM t", []relational.Field{d.IntField("n")}, none{})
	if c := d.Class(err); c != relational.Locked && c != relational.Timeout {
		t.Errorf("class %d: %v", c, err)
	}
}

func TestKilledConnection(t *testing.T) {
	b := setup(t, numbers, "INSERT INTO t SELECT seq, seq FROM seq_1_to_2000")
	b.begin()
	b.server.Exec(t, "KILL "+b.id)
	err := b.Rows(t.Context(), "SELECT id FROM t", []relational.Field{b.dialect.IntField("n")}, none{})
	b.fails(err, relational.Lost, "connection")
	_, err = b.Describe(t.Context(), "SELECT * FROM t")
	b.fails(err, relational.Lost, "connection to the server broke")
	_, again := b.connect(b.server.URL, relational.Limits{})
	if n := b.count(again); n != "2000" {
		t.Errorf("%s rows", n)
	}
}

func TestKilledDuringQuery(t *testing.T) {
	b := setup(t, numbers, "INSERT INTO t VALUES (1, 1)")
	b.begin()
	go func() {
		time.Sleep(100 * time.Millisecond)
		b.server.Exec(t, "KILL "+b.id)
	}()
	err := b.Rows(t.Context(), "SELECT SLEEP(20)", []relational.Field{b.dialect.IntField("n")}, none{})
	b.fails(err, relational.Lost)
}

// TestCancelEndsTheQuery looks that a query does not go on at the server when nobody
// waits for it any more.
func TestCancelEndsTheQuery(t *testing.T) {
	b := setup(t, numbers)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err := b.Rows(ctx, "SELECT SLEEP(30)", []relational.Field{b.dialect.IntField("n")}, none{})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	b.Close()
	for range 100 {
		if b.server.Value(t, "SELECT count(*) FROM information_schema.processlist WHERE id = "+b.id) == "0" {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Error("the query goes on")
}

// stop is a sink that wants no more after some rows.
type stop struct {
	none
	left int
}

func (s *stop) EndRow() error {
	if s.left--; s.left < 0 {
		return os.ErrClosed
	}
	return nil
}

func TestSinkEndsTheQuery(t *testing.T) {
	b := setup(t, numbers, "INSERT INTO t SELECT seq, seq FROM seq_1_to_2000")
	b.begin()
	if err := b.Rows(t.Context(), "SELECT id FROM t", []relational.Field{b.dialect.IntField("n")}, &stop{left: 3}); !errors.Is(err, os.ErrClosed) {
		t.Error(err)
	}
	if n := b.count(b.session); n != "2000" {
		t.Errorf("%s rows after that", n)
	}
}

func TestErrorsOfMappings(t *testing.T) {
	b := setup(t, numbers)
	for query, words := range map[string][]string{
		"SELECT * FROM nowhere":       {"nowhere", "doesn't exist"},
		"SELECT nothing FROM t":       {"nothing"},
		"SELECT * FROM nodb.nowhere":  {"nodb"},
		"SELECT * FROM t WHERE y = 1": {"y"},
	} {
		_, err := b.Describe(t.Context(), query)
		if c := b.dialect.Class(err); err == nil || c != relational.Absent && c != relational.Denied {
			t.Errorf("%s: class %d: %v", query, c, err)
		}
		b.fails(err, b.dialect.Class(err), words...)
	}
	for _, query := range []string{"SELECT", "SELECT id, id FROM t", "DELETE FROM t"} {
		_, err := b.Describe(t.Context(), query)
		b.fails(err, relational.Other)
	}
}

func TestAlteredTableAfterTheSnapshot(t *testing.T) {
	b := setup(t, numbers)
	b.begin()
	b.server.Exec(t, "ALTER TABLE t ADD y INT, ALGORITHM=COPY")
	err := b.Rows(t.Context(), "SELECT id FROM t", []relational.Field{b.dialect.IntField("n")}, none{})
	b.fails(err, relational.Lost, "definition has changed")
}

func TestPrivileges(t *testing.T) {
	b := setup(t, numbers, "CREATE TABLE secret (id INT)")
	role, url := b.server.Role(t)
	b.server.Exec(t, "GRANT SELECT ON "+b.server.Name+".t TO "+role)
	other := b.server.Session(t)
	other.Exec(t, "START TRANSACTION", "INSERT INTO t VALUES (1, 1)")
	_, s := b.connect(url, relational.Limits{})
	m, err := s.Begin(t.Context(), "")
	if err != nil || len(m.Open) != 0 {
		t.Errorf("%v, %v: an ordinary account sees no transactions", m, err)
	}
	if still := s.StillOpen([]string{"1/2/3"}); len(still) != 1 {
		t.Error("what cannot be known counts as ended")
	}
	if _, err := s.Describe(t.Context(), "SELECT * FROM t"); err != nil {
		t.Error(err)
	}
	_, err = s.Describe(t.Context(), "SELECT * FROM secret")
	b.fails(err, relational.Denied, "secret")
	_, err = s.Estimate(t.Context(), "SELECT * FROM secret")
	b.fails(err, relational.Denied, "secret")
}
