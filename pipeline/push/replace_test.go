package push

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// stamped is a night of three tables whose every row says which night it is of, and
// whose numbers of rows follow from it.
func (b *bundle) stamped(id int64) Night {
	b.Helper()
	var tables []Table
	for i, name := range []string{"scores", "actions", "value"} {
		tables = append(tables, b.table(name, fmt.Sprintf("SELECT 'c' || i AS customer_id, %d AS night, i * 0.25::DOUBLE AS x FROM range(%d) t(i)", id, (i+1)*rowsOf(id))))
	}
	return b.night(id, tables...)
}

// rowsOf is the number of rows of the first table of a night.
func rowsOf(id int64) int { return 400 + 37*int(id%5) }

// Readers in transactions, and readers of single statements, never see half a night,
// however many nights go by, and nobody waits for anybody.
func TestReadersSeeWholeNights(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const nights, readers = 8, 8
	var all []Night
	for id := int64(1); id <= nights; id++ {
		all = append(all, b.stamped(id))
	}
	b.push(all[0])
	var done atomic.Bool
	var wg sync.WaitGroup
	var read, seen sync.Map
	var answers atomic.Int64
	for i := range readers {
		s := b.s.Session(t)
		wg.Go(func() {
			for last := 0; !done.Load(); {
				night := b.readNight(s.Query, s.Exec, i%2 == 0)
				if n, _ := strconv.Atoi(night); n < last {
					t.Errorf("night %d came after night %d", n, last)
				} else {
					last = n
				}
				seen.Store(night, true)
				answers.Add(1)
			}
			read.Store(i, true)
		})
	}
	// One that keeps its transaction open over all of it goes on to see its night.
	held := b.s.Session(t)
	held.Exec(t, "BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT 1 FROM crm.scores LIMIT 1")
	for _, n := range all[1:] {
		b.push(n)
	}
	if got := held.Query(t, "SELECT (SELECT min(night) FROM crm.value), (SELECT count(*) FROM crm.actions), (SELECT max(as_of) FROM crm.mainstay_tables)")[0]; strings.Join(got, " ") != fmt.Sprintf("1 %d 2024-03-01", 2*rowsOf(1)) {
		t.Errorf("a transaction that began in night 1 sees %v", got)
	}
	held.Exec(t, "COMMIT")
	done.Store(true)
	wg.Wait()
	distinct := 0
	seen.Range(func(any, any) bool { distinct++; return true })
	t.Logf("%d answers of %d readers, of %d nights", answers.Load(), readers, distinct)
	if answers.Load() < 50 || distinct < 3 {
		t.Errorf("too little was read to tell: %d answers of %d nights", answers.Load(), distinct)
	}
	b.want("SELECT DISTINCT night FROM crm.scores", strconv.Itoa(nights))
}

// readNight reads all of a night, in one statement or in a transaction of several, and
// says which it was.
func (b *bundle) readNight(query func(testing.TB, string) [][]string, exec func(testing.TB, ...string), single bool) string {
	per := func(table string) string {
		return "SELECT count(*), coalesce(min(night), 0), coalesce(max(night), 0) FROM crm." + table
	}
	var rows [][]string
	if single {
		rows = query(b, per("scores")+" UNION ALL "+per("actions")+" UNION ALL "+per("value")+" UNION ALL SELECT count(*), min(night), max(night) FROM crm.mainstay_tables")
	} else {
		exec(b, "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
		for _, table := range []string{"scores", "actions", "value", "mainstay_tables"} {
			rows = append(rows, query(b, per(table))...)
			time.Sleep(time.Millisecond)
		}
		exec(b, "COMMIT")
	}
	night := rows[0][1]
	id, _ := strconv.ParseInt(night, 10, 64)
	for i, r := range rows {
		want := strconv.Itoa((i + 1) * rowsOf(id))
		if i == 3 {
			want = "3"
		}
		if r[0] != want || r[1] != night || r[2] != night {
			b.Errorf("half a night: %v", rows)
			break
		}
	}
	return night
}

// What others have made of the tables stays: grants, indexes, views, comments, columns
// of their own.
func TestWhatOthersMadeStays(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.stamped(1)
	first.Tables[0].About, first.Tables[0].Columns = "Who's leaving.", map[string]string{"x": `a \ 'quoted' one`, "gone": "no such column"}
	b.push(first)
	b.want("SELECT obj_description('crm.scores'::regclass), col_description('crm.scores'::regclass, 3)", `Who's leaving.|a \ 'quoted' one`)
	role, _ := b.s.Role(t)
	b.s.Exec(t, "GRANT USAGE ON SCHEMA crm TO "+role, "GRANT SELECT ON crm.scores TO "+role, "CREATE INDEX by_customer ON crm.scores (customer_id)",
		"CREATE VIEW crm.top AS SELECT s.customer_id, v.x FROM crm.scores s JOIN crm.value v USING (customer_id)", "COMMENT ON TABLE crm.scores IS 'ours'",
		"ALTER TABLE crm.scores ADD COLUMN called boolean DEFAULT false")
	r := b.push(b.stamped(2))
	b.want("SELECT has_table_privilege('"+role+"', 'crm.scores', 'SELECT'), obj_description('crm.scores'::regclass), to_regclass('crm.by_customer') IS NOT NULL", "t|ours|t")
	b.want("SELECT count(*) FROM crm.top", strconv.Itoa(rowsOf(2)))
	b.want("SELECT DISTINCT called FROM crm.scores", "f")
	if len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "column called of") {
		t.Errorf("a column that no night has is not noted: %q", r.Notes)
	}
}

// A push that fails leaves the night before, whole, and says what is wrong and where.
func TestPushThatFails(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.push(b.stamped(1))
	want := fmt.Sprintf("1|%d|%d|%d|3", rowsOf(1), 2*rowsOf(1), 3*rowsOf(1))
	stands := func() {
		t.Helper()
		b.want("SELECT max(night), (SELECT count(*) FROM crm.scores), (SELECT count(*) FROM crm.actions), (SELECT count(*) FROM crm.value), (SELECT count(*) FROM crm.mainstay_tables WHERE night = 1) FROM crm.value", want)
	}
	bad := b.stamped(2)
	bad.Tables[2] = b.table("value", "SELECT 'c' || chr(CASE WHEN i = 7 THEN 0 ELSE 65 END) AS customer_id, 2 AS night, 0.0::DOUBLE AS x FROM range(20) t(i)")
	b.fails(bad, `invalid byte sequence for encoding "UTF8": 0x00; COPY value, line 8`)
	stands()

	bad = b.stamped(2)
	bad.Tables[1] = b.table("actions", "SELECT 1 AS customer_id, 2 AS night, 0.0::DOUBLE AS x")
	b.fails(bad, "crm.actions: column customer_id: it is text there and integer in the night: `mainstay publish push --alter-types` changes it")
	stands()

	bad = b.stamped(2)
	bad.Tables[2].Parquet += ".gone"
	b.fails(bad, "gone")
	stands()

	b.s.Exec(t, "CREATE FUNCTION drop_some() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.x = 0 THEN RETURN NULL; END IF; RETURN NEW; END'", "CREATE TRIGGER t BEFORE INSERT ON crm.actions FOR EACH ROW EXECUTE FUNCTION drop_some()")
	b.fails(b.stamped(2), fmt.Sprintf("crm.actions: %d of %d rows were copied", 2*rowsOf(2)-1, 2*rowsOf(2)))
	stands()
	b.s.Exec(t, "DROP TRIGGER t ON crm.actions")

	other := b.s.Session(t)
	other.Exec(t, "BEGIN", "UPDATE crm.value SET x = 0 WHERE customer_id = 'c1'")
	b.o.LockTimeout = 200 * time.Millisecond
	b.fails(b.stamped(2), "lock timeout")
	other.Exec(t, "ROLLBACK")
	stands()

	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	if _, err := Postgres(ctx, b.o, b.stamped(2)); err == nil {
		t.Error("no error, though time was up")
	}
	b.fails(Night{ID: 2, AsOf: "2024-03-02"}, "no table")
	b.fails(b.night(2, Table{Name: Bookkeeping, Parquet: bad.Tables[0].Parquet}), "leave it out")
	b.fails(b.night(2, b.table("long", "SELECT 1 AS "+strings.Repeat("x", 64))), "more than 63 bytes")
	stands()

	r := b.push(b.stamped(3)) // and the next night is whole
	if r.Tables != 3 || r.Rows != int64(6*rowsOf(3)) {
		t.Errorf("got %+v", r)
	}
}

// An account that may write to its schema and no more is enough; one that may not is
// told so, without its password.
func TestAccounts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	role, address := b.s.Role(t)
	b.o.Server.URL = address
	b.fails(b.stamped(1), "making schema crm: PostgreSQL says: permission denied")
	b.s.Exec(t, "CREATE SCHEMA crm AUTHORIZATION "+role)
	b.push(b.stamped(1))
	b.push(b.stamped(2))
	b.want("SELECT DISTINCT night FROM crm.scores", "2")
	_, rest, _ := strings.Cut(address, "://")
	password, _, _ := strings.Cut(rest[strings.Index(rest, ":")+1:], "@")
	b.o.Server.URL = strings.Replace(address, password, "wr0ngPassword", 1)
	_, err := Postgres(t.Context(), b.o, b.stamped(3))
	if err == nil || strings.Contains(err.Error(), "wr0ngPassword") || !strings.Contains(err.Error(), "password authentication failed") {
		t.Errorf("got %v", err)
	}
}

// Columns come and go; types change only when that is asked for.
func TestTablesThatChange(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.push(b.night(1, b.table("t", "SELECT 1 AS a, 'x' AS b"), b.table("old", "SELECT 1 AS a")))
	changed := b.night(2, b.table("t", "SELECT 2.5::DECIMAL(9,2) AS a, [1, 2] AS c, 'é' AS \"Odd \"\"name\"\"\""))
	changed.Tables[0].Columns = map[string]string{"c": "new"}
	b.fails(changed, "it is integer there and numeric(9,2) in the night")
	b.o.AlterTypes = true
	r := b.push(changed)
	b.want(`SELECT a, b IS NULL, c, "Odd ""name""", col_description('crm.t'::regclass, 3) FROM crm.t`, "2.50|t|[1, 2]|é|new")
	b.want("SELECT table_name, as_of, night, rows, mainstay_version FROM crm.mainstay_tables ORDER BY 1", "old|2024-03-01|1|1|test\nt|2024-03-02|2|1|test")
	if len(r.Notes) != 2 || !strings.Contains(r.Notes[0], "column b of") || !strings.Contains(r.Notes[1], `"old" in PostgreSQL is still of night 2024-03-01`) {
		t.Errorf("notes %q", r.Notes)
	}
	empty := b.push(b.night(3, b.table("t", "SELECT 2.5::DECIMAL(9,2) AS a, [1, 2] AS c, 'é' AS \"Odd \"\"name\"\"\" WHERE false")))
	if empty.Rows != 0 || b.rows("SELECT count(*) FROM crm.t") != "0" {
		t.Errorf("an empty table: %+v", empty)
	}
}

// Two pushes at the same time come one after the other, and the room of deleted rows is
// used again.
func TestPushesSideBySide(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.o.LockTimeout = time.Millisecond // pushes wait for each other all the same
	var wg sync.WaitGroup
	for id := int64(1); id <= 4; id++ {
		n := b.stamped(id)
		wg.Go(func() {
			if _, err := Postgres(t.Context(), b.o, n); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	b.want("SELECT count(DISTINCT night) FROM (SELECT night FROM crm.scores UNION SELECT night FROM crm.actions UNION SELECT night FROM crm.value UNION SELECT night FROM crm.mainstay_tables) AS t", "1")
	old := filepath.Join(b.o.Scratch, "push-killed")
	if err := errors.Join(os.Mkdir(old, 0o755), os.WriteFile(filepath.Join(old, "push.csv"), nil, 0o600), os.Chtimes(old, time.Time{}, time.Now().Add(-26*time.Hour))); err != nil {
		t.Fatal(err)
	}
	big := b.night(5, b.table("big", "SELECT i, repeat('x', 100) AS t FROM range(20000) r(i)"))
	b.push(big)
	first, _ := strconv.Atoi(b.rows("SELECT pg_relation_size('crm.big')"))
	for range 6 {
		b.push(big)
	}
	if left, err := os.ReadDir(b.o.Scratch); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if last, _ := strconv.Atoi(b.rows("SELECT pg_relation_size('crm.big')")); last > 3*first {
		t.Errorf("after 7 pushes the table takes %d bytes, after one %d", last, first)
	}
}
