package mysql

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/source"
	"github.com/mainstay-etl/mainstay/pipeline/source/dbtest"
	"github.com/mainstay-etl/mainstay/pipeline/source/relational"
	"github.com/mainstay-etl/mainstay/pipeline/source/sourcetest"
)

// shop makes tables that fit the contract.
func shop(rows int) []string {
	return []string{
		`CREATE TABLE orders (id BIGINT UNSIGNED, line INT, customer VARCHAR(20), at DATETIME(6), product CHAR(8), quantity DECIMAL(12,3), price DECIMAL(12,2) UNSIGNED,
			note TEXT, changed DATETIME(3), PRIMARY KEY (id, line), KEY (changed))`,
		`CREATE TABLE events (id VARCHAR(20) COLLATE utf8mb4_bin PRIMARY KEY, customer VARCHAR(20), at TIMESTAMP(6) NULL, kind ENUM('visit','view'), rating FLOAT, raw BLOB)`,
		fmt.Sprintf(`INSERT INTO orders SELECT 18446744073709550000 + seq DIV 2, seq %% 2, concat('c', seq %% 7), '2024-01-01' + INTERVAL seq HOUR, 'p1', seq / 8, seq / 4,
			if(seq %% 3, 'grün \U0001F600', NULL), '2024-02-01' + INTERVAL seq DIV 10 SECOND FROM seq_1_to_%d`, rows),
		fmt.Sprintf(`INSERT INTO events SELECT concat('e', seq), 'c1', if(seq = 3, '0000-00-00', '2024-01-01' + INTERVAL seq HOUR), 1 + seq %% 2, seq / 10, unhex('00ff')
			FROM seq_1_to_%d`, rows),
	}
}

const (
	ordersSelect = `SELECT id AS order_id, line AS line_id, customer AS customer_id, at AS ordered_at, product AS product_id, quantity, price AS unit_price, note, changed FROM orders`
	eventsSelect = `SELECT id AS interaction_id, customer AS customer_id, at AS occurred_at, kind, rating, raw FROM events`
)

func (b *bundle) source(url string, o relational.Options) source.Source {
	b.Helper()
	d, err := New(Options{URL: url})
	if err != nil {
		b.Fatal(err)
	}
	if o.Name = "shop"; o.TimeZone == "" {
		o.TimeZone = "UTC"
	}
	s, err := relational.New(o, d)
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// TestContract runs the checks that every source must pass.
func TestContract(t *testing.T) {
	b := &bundle{T: t, server: dbtest.MySQL(t)}
	b.server.Exec(t, append([]string{"SET sql_mode = ''", "SET time_zone = '+00:00'"}, shop(30)...)...)
	t.Run("all", func(t *testing.T) {
		sourcetest.Run(t, func(t testing.TB) source.Source {
			return b.source(b.server.URL, relational.Options{Limits: relational.Limits{Settle: -1}, Tables: map[string]relational.Table{
				"orders":       {Select: ordersSelect, Key: []string{"order_id", "line_id"}, Cursor: "changed", Verify: 1},
				"interactions": {Select: eventsSelect, Key: []string{"interaction_id"}, Verify: 1},
			}})
		})
	})
}

// passes remembers what passes landed: rows by key, and the states.
type passes struct {
	*bundle
	url    string
	states map[string]string
	rows   map[string]string
	read   int // rows of the last pass
}

func (p *passes) pass(o relational.Options) {
	p.Helper()
	s := p.source(p.url, o)
	known := source.Nothing("2024-03-01")
	known.State = func(table string) string { return p.states[table] }
	r, err := s.Read(p.Context(), known)
	if err != nil {
		p.Fatal(err)
	}
	defer r.Close()
	p.read = 0
	for {
		landed, err := r.Next(p.Context(), p.TempDir())
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			p.Fatal(err)
		}
		maps.Copy(p.states, landed.States)
		for _, path := range landed.Tables {
			for _, row := range p.bundle.read("SELECT order_id, line_id, note FROM " + duck.ReadParquet([]string{path})) {
				p.rows[row[0]+"-"+row[1]] = row[2]
				p.read++
			}
		}
	}
}

// TestIncrements changes rows in ways that cursors find hard, and looks that each pass
// has them without reading everything.
func TestIncrements(t *testing.T) {
	const rows = 500
	b := setup(t, shop(rows)...)
	o := relational.Options{Limits: relational.Limits{Settle: -1}, Tables: map[string]relational.Table{
		"orders": {Select: ordersSelect, Key: []string{"order_id", "line_id"}, Cursor: "changed", Overlap: "5s"},
	}}
	role, url := b.server.Role(t) // does not see the transactions of other tests
	b.server.Exec(t, "GRANT SELECT ON "+b.server.Name+".orders TO "+role)
	p := &passes{bundle: b, url: url, states: map[string]string{}, rows: map[string]string{}}
	p.pass(o)
	if p.read != rows {
		t.Fatalf("%d rows, want %d", p.read, rows)
	}
	b.server.Exec(t, "SET sql_mode = ''")
	open := b.server.Session(t)
	for _, step := range []struct {
		name       string
		statements []string
		most       int // rows that the pass may read
	}{
		{"nothing", nil, 100},
		{"equal cursors", []string{"UPDATE orders SET note = 'equal' WHERE changed = (SELECT m FROM (SELECT max(changed) AS m FROM orders) AS x)"}, 100},
		{"NULL cursors", []string{"UPDATE orders SET note = 'null', changed = NULL WHERE id % 50 = 7"}, 100},
		{"NULL cursors again", []string{"UPDATE orders SET note = 'null again' WHERE changed IS NULL"}, 100},
		{"a future cursor", []string{"UPDATE orders SET note = 'future', changed = '2099-01-01' WHERE id % 100 = 9"}, 120},
		{"behind a future cursor", []string{"UPDATE orders SET note = 'now', changed = '2024-02-01 00:01:00' WHERE id % 100 = 11"}, 300},
		{"another one behind it", []string{"UPDATE orders SET note = 'new', changed = '2024-02-01 00:01:01' WHERE id % 100 = 12"}, 300},
	} {
		b.server.Exec(t, step.statements...)
		p.pass(o)
		p.like(step.name)
		if p.read > step.most {
			t.Errorf("%s: %d rows were read, want at most %d", step.name, p.read, step.most)
		}
	}
	// Transactions that take their cursor now and commit after the next pass: one within
	// the overlap, and one far behind it, which only an account that sees it can know of.
	for n, account := range []string{url, b.server.URL} {
		p.url = account
		id := 18446744073709550020 + uint64(n)*10
		open.Exec(t, "SET time_zone = '+00:00'", "START TRANSACTION", fmt.Sprintf("UPDATE orders SET note = 'late', changed = '2024-02-01 00:01:02' WHERE id = %d", id))
		b.server.Exec(t, fmt.Sprintf("UPDATE orders SET note = 'early', changed = '2024-02-01 00:%02d:04' WHERE id = %d", 1+n, id+1))
		p.pass(o)
		p.like("before a late commit")
		open.Exec(t, "COMMIT")
		p.pass(o)
		p.like("after a late commit")
	}
}

// like compares what was landed with the server's rows.
func (p *passes) like(when string) {
	p.Helper()
	var want, got []string
	for _, row := range p.server.Query(p, "SELECT id, line, note FROM orders") {
		want = append(want, row[0]+"-"+row[1]+"="+row[2])
	}
	for key, note := range p.rows {
		got = append(got, key+"="+note)
	}
	slices.Sort(want)
	slices.Sort(got)
	var lost []string
	for i := range want {
		if i < len(got) && got[i] != want[i] {
			lost = append(lost, got[i]+" instead of "+want[i])
		}
	}
	if len(lost) > 0 || len(got) != len(want) {
		p.Errorf("%s: %d rows, want %d; %s", when, len(got), len(want), strings.Join(lost[:min(len(lost), 5)], ", "))
	}
}
