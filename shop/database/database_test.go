package database

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/pipeline/source/dbtest"
	"github.com/mainstay-etl/mainstay/shop"
)

// small is a shop of some thousand rows.
func small() shop.Config {
	c := shop.Default()
	c.Customers, c.End, c.DirtShare = 150, c.Start.AddDate(0, 4, 0), .02
	return c
}

var kinds = []dbtest.Kind{dbtest.KindPostgres, dbtest.KindMySQL}

// each runs a test for both kinds of databases.
func each(t *testing.T, test func(t *testing.T, d *dbtest.Server)) {
	t.Parallel()
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			test(t, dbtest.Of(t, kind))
		})
	}
}

func write(t *testing.T, d *dbtest.Server, o Options) shop.Summary {
	t.Helper()
	sum, err := Write(t.Context(), d.URL, small(), o)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func number(t *testing.T, d *dbtest.Server, query string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(d.Value(t, query), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// dump is a table as text that does not depend on the kind of database.
func dump(t *testing.T, d *dbtest.Server, table table) []string {
	t.Helper()
	var columns []string
	for _, c := range table.columns {
		name, kind, _ := strings.Cut(c, " ")
		if strings.HasPrefix(kind, "{time}") && d.Kind == dbtest.KindPostgres {
			name = "to_char(" + name + " AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')"
		}
		columns = append(columns, name)
	}
	var out []string
	for _, row := range d.Query(t, "SELECT "+strings.Join(columns, ", ")+" FROM "+table.name+" ORDER BY id") {
		out = append(out, strings.Join(row, "|"))
	}
	return out
}

// same compares the shops of two databases.
func same(t *testing.T, a, b *dbtest.Server) {
	t.Helper()
	for _, table := range allTables() {
		rows, others := dump(t, a, table), dump(t, b, table)
		if len(rows) == 0 {
			t.Errorf("%s is empty", table.name)
		}
		if len(rows) != len(others) {
			t.Errorf("%s: %d rows in %s, %d in %s", table.name, len(rows), a.Kind, len(others), b.Kind)
			continue
		}
		for i := range rows {
			if rows[i] != others[i] {
				t.Errorf("%s: %s in %s, %s in %s", table.name, rows[i], a.Kind, others[i], b.Kind)
				break
			}
		}
	}
}

func TestWriteAccountsForItsRows(t *testing.T) {
	each(t, func(t *testing.T, d *dbtest.Server) {
		var last shop.Progress
		sum := write(t, d, Options{Progress: func(p shop.Progress) { last = p }})
		if last.Done != 120 || last.Rows != sum.Orders+sum.OrderLines.Rows+sum.Interactions.Rows {
			t.Errorf("progress ends with %+v, the summary is %+v", last, sum)
		}
		for query, want := range map[string]int64{
			"SELECT count(*) FROM customers":                                 int64(sum.Customers),
			"SELECT count(*) FROM products":                                  int64(shop.Default().Products),
			"SELECT count(*) FROM orders":                                    sum.Orders,
			"SELECT count(*) FROM order_lines":                               sum.OrderLines.Rows,
			"SELECT max(id) FROM order_lines":                                sum.OrderLines.Rows,
			"SELECT count(*) FROM interactions":                              sum.Interactions.Rows,
			"SELECT count(*) FROM interactions WHERE customer_id IS NULL":    sum.Interactions.MissingCustomer,
			"SELECT count(*) FROM (" + ordersMapping + ") m":                 sum.OrderLines.Rows,
			"SELECT count(customer_id) FROM (" + ordersMapping + ") m":       sum.OrderLines.Valid,
			"SELECT count(category) FROM (" + ordersMapping + ") m":          sum.OrderLines.Rows,
			"SELECT count(ordered_at) FROM (" + ordersMapping + ") m":        sum.OrderLines.Rows,
			"SELECT count(occurred_at) FROM (" + interactionsMapping + ") m": sum.Interactions.Rows,
			// what is named is there, and was there before
			"SELECT count(*) FROM interactions i LEFT JOIN orders o ON o.id = i.order_id WHERE i.order_id IS NOT NULL AND (o.id IS NULL OR o.ordered_at > i.occurred_at)": 0,
			"SELECT count(*) FROM interactions i LEFT JOIN interactions c ON c.id = i.answers_id WHERE i.answers_id IS NOT NULL AND (c.id IS NULL OR c.id >= i.id)":       0,
			"SELECT count(*) FROM order_lines l LEFT JOIN orders o ON o.id = l.order_id WHERE o.id IS NULL OR l.updated_at < o.ordered_at":                                0,
			// ids grow over time: never back by more than the order of a day
			"SELECT count(*) FROM order_lines a JOIN order_lines b ON b.id = a.id + 1 JOIN orders o ON o.id = a.order_id JOIN orders p ON p.id = b.order_id WHERE p.ordered_at < o.ordered_at - INTERVAL '1' DAY": 0,
		} {
			if got := number(t, d, query); got != want {
				t.Errorf("%s is %d, want %d", query, got, want)
			}
		}
		if sum.OrderLines.MissingCustomer == 0 || number(t, d, "SELECT count(*) FROM interactions WHERE answers_id IS NOT NULL") == 0 {
			t.Error("no dirt, or no answers")
		}
	})
}

func TestWriteMakesIndexes(t *testing.T) {
	each(t, func(t *testing.T, d *dbtest.Server) {
		write(t, d, Options{NoInteractions: true})
		list := "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'"
		if d.Kind == dbtest.KindMySQL {
			list = `SELECT concat(table_name, ' (', group_concat(column_name ORDER BY seq_in_index SEPARATOR ', '), ')')
FROM information_schema.statistics WHERE table_schema = database() GROUP BY table_name, index_name`
		}
		var all []string
		for _, row := range d.Query(t, list) {
			all = append(all, strings.Replace(strings.Replace(row[0], " USING btree", "", 1), "public.", "", 1))
		}
		for _, want := range []string{"order_lines (id)", "order_lines (updated_at, id)", "order_lines (order_id)", "orders (id)", "orders (updated_at, id)", "interactions (updated_at, id)"} {
			if !slices.ContainsFunc(all, func(index string) bool { return strings.HasSuffix(index, want) }) {
				t.Errorf("no index %s among %q", want, all)
			}
		}
		if got := number(t, d, "SELECT count(*) FROM interactions"); got != 0 {
			t.Errorf("%d interactions in spite of the option", got)
		}
		high := number(t, d, "SELECT max(id) FROM orders")
		d.Exec(t, "INSERT INTO orders (customer_id, ordered_at, status) VALUES (1, '2024-01-01 00:00:00', 'placed')")
		if got := number(t, d, "SELECT max(id) FROM orders"); got != high+1 {
			t.Errorf("the next order gets id %d, want %d", got, high+1)
		}
	})
}

func TestWriteRefusesWhatIsThere(t *testing.T) {
	each(t, func(t *testing.T, d *dbtest.Server) {
		write(t, d, Options{NoInteractions: true})
		if _, err := Write(t.Context(), d.URL, small(), Options{}); err == nil || !strings.Contains(err.Error(), "--replace") {
			t.Errorf("a second shop: %v", err)
		}
		d.Exec(t, "DELETE FROM order_lines")
		sum := write(t, d, Options{Replace: true, NoInteractions: true})
		if got := number(t, d, "SELECT count(*) FROM order_lines"); got != sum.OrderLines.Rows {
			t.Errorf("%d lines after replacing, want %d", got, sum.OrderLines.Rows)
		}
		d.Exec(t, "DROP TABLE customers", "CREATE TABLE customers (id bigint PRIMARY KEY)", "INSERT INTO customers VALUES (7)")
		if _, err := Write(t.Context(), d.URL, small(), Options{Replace: true}); err == nil || !strings.Contains(err.Error(), "table customers that is not of a generated shop") {
			t.Errorf("over a real table: %v", err)
		}
		if number(t, d, "SELECT count(*) FROM customers") != 1 || number(t, d, "SELECT count(*) FROM order_lines") != sum.OrderLines.Rows {
			t.Error("somebody's tables were touched")
		}
	})
}

func TestWriteInterrupted(t *testing.T) {
	each(t, func(t *testing.T, d *dbtest.Server) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		_, err := Write(ctx, d.URL, small(), Options{Progress: func(p shop.Progress) {
			if p.Done == 50 {
				cancel()
			}
		}})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("interrupted: %v", err)
		}
		sum := write(t, d, Options{Replace: true})
		if got := number(t, d, "SELECT count(*) FROM order_lines"); got != sum.OrderLines.Rows {
			t.Errorf("%d lines, want %d", got, sum.OrderLines.Rows)
		}
	})
}

// A server that fails in the middle stops everything, and the error names the table.
func TestWriteServerFails(t *testing.T) {
	t.Parallel()
	d := dbtest.Postgres(t)
	cfg := small()
	cfg.Customers = 3000
	_, err := Write(t.Context(), d.URL, cfg, Options{NoInteractions: true, Progress: func(p shop.Progress) {
		if p.Done >= 60 { // time and again: the table may not have begun, or have ended, at any one moment
			d.Exec(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'COPY order_lines%'")
		}
	}})
	if err == nil || !strings.Contains(err.Error(), "loading table order_lines") {
		t.Errorf("the connection was cut: %v", err)
	}
}

func TestBothKindsGetTheSameShop(t *testing.T) {
	t.Parallel()
	a, b := dbtest.Postgres(t), dbtest.MySQL(t)
	write(t, a, Options{})
	write(t, b, Options{})
	same(t, a, b)
	for day := range 3 {
		date := small().End.AddDate(0, 0, day)
		first, err := Mutate(t.Context(), a.URL, 5, date)
		if err != nil {
			t.Fatal(err)
		}
		second, err := Mutate(t.Context(), b.URL, 5, date)
		if err != nil {
			t.Fatal(err)
		}
		if first != second {
			t.Errorf("day %d: %+v in %s, %+v in %s", day, first, a.Kind, second, b.Kind)
		}
		same(t, a, b)
	}
}

// Where LOAD DATA LOCAL is forbidden, rows come as INSERTs.
func TestInsertsWriteTheSame(t *testing.T) {
	t.Parallel()
	a, b := dbtest.MySQL(t), dbtest.MySQL(t)
	write(t, a, Options{})
	careful := mysql
	careful.open = func(ctx context.Context, u *url.URL) (server, error) {
		s, err := openMySQL(ctx, u)
		if err == nil {
			s.(*mysqlServer).infile = false
		}
		return s, err
	}
	p, err := locate(b.URL)
	if err != nil {
		t.Fatal(err)
	}
	p.dialect = &careful
	if _, err := p.write(t.Context(), small(), Options{}); err != nil {
		t.Fatal(err)
	}
	same(t, a, b)
}
