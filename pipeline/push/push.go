// Package push puts a night's tables into PostgreSQL, for programs that read there: all
// of them in one transaction, so that a reader sees one night or the other, and no
// reader waits.
//
// Rows are deleted and copied anew. Dropping, truncating or renaming tables, or turning
// views to other tables, would be quicker, but PostgreSQL does none of that under a
// reader's snapshot: a transaction that began before would find the new tables empty.
// It would take away grants, indexes and views of others as well.
package push

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/source/postgres"
)

// Options say where to and how.
type Options struct {
	Server      postgres.Options
	Schema      string
	LockTimeout time.Duration // for whoever else writes to the tables
	AlterTypes  bool          // change the type of a column where a night's differs
	Scratch     string        // directory for files on their way; pushes may share it
	Session     duck.Options  // for reading the tables; its TempDir is set
	Log         *slog.Logger
}

// Night is what is pushed.
type Night struct {
	ID      int64
	AsOf    string // YYYY-MM-DD
	Version string // of mainstay
	Tables  []Table
}

// Table is a published table.
type Table struct {
	Name    string
	Parquet string            // its file
	About   string            // becomes its comment
	Columns map[string]string // meaning of columns, becomes their comments
}

// Result is what was pushed.
type Result struct {
	Tables int
	Rows   int64
	Notes  []string // to read; everything is there all the same
}

// Bookkeeping is the table, beside the pushed ones, that says which night each is of. It
// changes in the same transaction.
const Bookkeeping = "mainstay_tables"

// Postgres pushes a night: when it returns no error all of it is committed, else none.
// Rows are counted in the table before the commit and compared with the file.
func Postgres(ctx context.Context, o Options, n Night) (r Result, err error) {
	if len(n.Tables) == 0 {
		return r, errors.New("there is no table to push")
	}
	dialect, err := postgres.New(o.Server)
	if err != nil {
		return r, err
	}
	var release func() error
	if o.Scratch, release, err = scratch(o.Scratch); err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, release()) }()
	o.Session.TempDir = filepath.Join(o.Scratch, "spill")
	s, err := duck.Open(ctx, o.Session)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	conn, err := dialect.Dial(ctx)
	if err != nil {
		return r, err
	}
	defer conn.Close(context.WithoutCancel(ctx)) // rolls back what was not committed
	p := &pusher{o: o, n: n, duck: s, conn: conn}
	if err := p.transaction(ctx); err != nil {
		return Result{}, err
	}
	p.vacuum(ctx)
	return p.r, nil
}

// pusher pushes one night on one connection.
type pusher struct {
	o    Options
	n    Night
	duck *duck.Session
	conn *pgconn.PgConn
	r    Result
}

func (p *pusher) transaction(ctx context.Context) error {
	if err := p.exec(ctx, "BEGIN; SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0; SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL intervalstyle = 'postgres'"); err != nil {
		return fmt.Errorf("beginning: %w", err)
	}
	// One pusher per schema at a time, also before there are tables to lock. For another
	// pusher this one waits as long as ctx does, for whoever else writes not so long.
	wait := "SELECT pg_advisory_xact_lock(hashtextextended(" + duck.Quote("mainstay push "+p.o.Schema) + ", 0)); SET LOCAL lock_timeout = " + strconv.FormatInt(p.o.LockTimeout.Milliseconds(), 10)
	if err := p.exec(ctx, wait); err != nil {
		return fmt.Errorf("waiting for another push to schema %s: %w", p.o.Schema, err)
	}
	if err := p.prepare(ctx); err != nil {
		return err
	}
	for _, t := range p.n.Tables {
		from := time.Now()
		rows, err := p.table(ctx, t)
		if err != nil {
			return fmt.Errorf("table %s.%s: %w", p.o.Schema, t.Name, err)
		}
		p.r.Tables, p.r.Rows = p.r.Tables+1, p.r.Rows+rows
		p.o.Log.Info("table pushed", "job", "push", "table", t.Name, "rows", rows, "seconds", time.Since(from).Seconds())
	}
	if err := p.leftBehind(ctx); err != nil {
		return err
	}
	if err := p.exec(ctx, "COMMIT"); err != nil {
		return fmt.Errorf("committing: %w", err)
	}
	return nil
}

// prepare makes the schema and the bookkeeping table where they are missing.
func (p *pusher) prepare(ctx context.Context) error {
	there, err := p.query(ctx, "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = "+duck.Quote(p.o.Schema))
	if err == nil && len(there) == 0 {
		err = p.exec(ctx, "CREATE SCHEMA "+duck.Ident(p.o.Schema))
	}
	if err != nil {
		return fmt.Errorf("making schema %s: %w", p.o.Schema, err)
	}
	err = p.exec(ctx, "CREATE TABLE IF NOT EXISTS "+p.name(Bookkeeping)+` (
    table_name text PRIMARY KEY, as_of date NOT NULL, night bigint NOT NULL, rows bigint NOT NULL,
    mainstay_version text NOT NULL, pushed_at timestamptz NOT NULL)`)
	if err != nil {
		return fmt.Errorf("making table %s: %w", p.name(Bookkeeping), err)
	}
	return nil
}

// table replaces the rows of one table and says how many there are.
func (p *pusher) table(ctx context.Context, t Table) (int64, error) {
	columns, err := p.columns(ctx, t)
	if err != nil {
		return 0, err
	}
	if err := p.shape(ctx, t, columns); err != nil {
		return 0, err
	}
	// Others may read, and nobody else writes, until all of it is there.
	if err := p.exec(ctx, "LOCK TABLE "+p.name(t.Name)+" IN SHARE ROW EXCLUSIVE MODE; DELETE FROM "+p.name(t.Name)); err != nil {
		return 0, err
	}
	want, err := p.copy(ctx, t, columns)
	if err != nil {
		return 0, err
	}
	got, err := p.query(ctx, "SELECT count(*) FROM "+p.name(t.Name))
	if err != nil {
		return 0, err
	}
	if got[0][0] != strconv.FormatInt(want, 10) {
		return 0, fmt.Errorf("it holds %s rows after %d were copied: a trigger or a rule adds or drops some", got[0][0], want)
	}
	return want, p.exec(ctx, fmt.Sprintf(`INSERT INTO %s (table_name, as_of, night, rows, mainstay_version, pushed_at) VALUES (%s, %s, %d, %d, %s, now())
ON CONFLICT (table_name) DO UPDATE SET as_of = excluded.as_of, night = excluded.night, rows = excluded.rows, mainstay_version = excluded.mainstay_version, pushed_at = excluded.pushed_at`,
		p.name(Bookkeeping), duck.Quote(t.Name), duck.Quote(p.n.AsOf), p.n.ID, want, duck.Quote(p.n.Version)))
}

// copy sends the rows of a file through a scratch file of CSV, which both sides stream.
func (p *pusher) copy(ctx context.Context, t Table, columns []column) (int64, error) {
	path := filepath.Join(p.o.Scratch, "push.csv")
	defer os.Remove(path)
	var exprs, names []string
	for _, c := range columns {
		exprs, names = append(exprs, c.expr()+" AS "+duck.Ident(c.name)), append(names, c.name)
	}
	// Values are quoted and NULL is not: PostgreSQL tells "" from NULL by that.
	write := fmt.Sprintf("COPY (SELECT %s FROM %s) TO %s (FORMAT csv, HEADER false, NULLSTR '', FORCE_QUOTE *)", strings.Join(exprs, ", "), duck.ReadParquet([]string{t.Parquet}), duck.Quote(path))
	if err := p.duck.Exec(ctx, write); err != nil {
		return 0, fmt.Errorf("reading %s: %w", t.Parquet, err)
	}
	var want int64
	if err := p.duck.Scan(ctx, "SELECT coalesce(sum(num_rows), 0)::BIGINT FROM parquet_file_metadata("+duck.File(t.Parquet)+")", &want); err != nil {
		return 0, err
	}
	f, err := os.Open(path)
	if err != nil {
		return 0, fmt.Errorf("opening a scratch file: %w", err)
	}
	defer f.Close()
	tag, err := p.conn.CopyFrom(ctx, f, fmt.Sprintf("COPY %s (%s) FROM STDIN (FORMAT csv)", p.name(t.Name), duck.Idents(names)))
	if err != nil {
		return 0, told(err)
	}
	if tag.RowsAffected() != want {
		return 0, fmt.Errorf("%d of %d rows were copied", tag.RowsAffected(), want)
	}
	return want, nil
}

// leftBehind notes tables of earlier nights that this one does not have.
func (p *pusher) leftBehind(ctx context.Context) error {
	var names []string
	for _, t := range p.n.Tables {
		names = append(names, duck.Quote(t.Name))
	}
	rows, err := p.query(ctx, fmt.Sprintf("SELECT table_name, as_of::text FROM %s WHERE table_name NOT IN (%s) ORDER BY 1", p.name(Bookkeeping), strings.Join(names, ", ")))
	if err != nil {
		return fmt.Errorf("reading %s: %w", Bookkeeping, err)
	}
	for _, r := range rows {
		p.r.Notes = append(p.r.Notes, fmt.Sprintf("%s in PostgreSQL is still of night %s, for it is not published any more: drop it, and its row of %s", p.name(r[0]), r[1], Bookkeeping))
	}
	return nil
}

// vacuum makes the room of the deleted rows free for the next night, and tells the
// planner of the new ones. It is no harm if it fails: the server does it by itself,
// later.
func (p *pusher) vacuum(ctx context.Context) {
	for _, t := range p.n.Tables {
		if err := p.exec(ctx, "VACUUM (ANALYZE) "+p.name(t.Name)); err != nil {
			p.o.Log.Debug("a table was not vacuumed", "job", "push", "table", t.Name, "error", err)
		}
	}
}

func (p *pusher) name(table string) string { return duck.Ident(p.o.Schema) + "." + duck.Ident(table) }

func (p *pusher) exec(ctx context.Context, sql string) error {
	_, err := p.conn.Exec(ctx, sql).ReadAll()
	return told(err)
}

// query returns the rows of a statement as text; NULL is "".
func (p *pusher) query(ctx context.Context, sql string) ([][]string, error) {
	results, err := p.conn.Exec(ctx, sql).ReadAll()
	if err != nil {
		return nil, told(err)
	}
	var out [][]string
	for _, r := range results {
		for _, row := range r.Rows {
			text := make([]string, len(row))
			for i, v := range row {
				text[i] = string(v)
			}
			out = append(out, text)
		}
	}
	return out, nil
}

// lockNotAvailable is the SQLSTATE of a lock that did not come within lock_timeout.
const lockNotAvailable = "55P03"

// told adds what the server says beyond the message, such as the row and the column.
func told(err error) error {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return err
	}
	text := pg.Message
	if pg.Code == lockNotAvailable {
		text += ": somebody else writes to the table, or reads it in a long transaction while it gets a new column; publish.postgres.lock_timeout says how long a push waits, and `mainstay publish push` tries again"
	}
	for _, more := range []string{pg.Detail, pg.Where, pg.Hint} {
		if more != "" {
			text += "; " + more
		}
	}
	return fmt.Errorf("PostgreSQL says: %s (SQLSTATE %s)", strings.ReplaceAll(text, "\n", " "), pg.Code)
}
