package database

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// Changes counts what a day did to the shop, in rows of the contract's tables where it
// can be counted: one thing may have befallen a row after another.
type Changes struct {
	Lines        int // new order lines
	Interactions int // new interactions
	Corrected    int // lines with a corrected price
	Moved        int // orders with another ordered_at, and their lines touched
	Deleted      int // lines deleted, one by one or with their order
	Withdrawn    int // interactions deleted

	// What a cursor on updated_at cannot see:

	Silent    int // lines and interactions changed without their updated_at
	MovedOnly int // orders with another ordered_at whose lines were not touched
	Backdated int // new lines with an updated_at of days ago
	Recalled  int // products moved to another category: it shows in all their lines

	// What has no cursor: new or changed lines whose updated_at is NULL.

	Undated int
}

// Mutate lets the shop in a database live through a day: new customers, orders and
// interactions, corrected prices, moved orders, deletions, and everything that careless
// hands do, such as changes that leave updated_at alone. It is one transaction.
//
// The day is any date after what the shop has lived through; what happens has times
// within it, in UTC. How much happens grows with the shop, from about 40 new lines. The
// same seed and day do the same to the same data, in every kind of database.
func Mutate(ctx context.Context, address string, seed uint64, day time.Time) (Changes, error) {
	p, err := locate(address)
	if err != nil {
		return Changes{}, err
	}
	s, err := p.connect(ctx)
	if err != nil {
		return Changes{}, err
	}
	defer s.close()
	y, m, date := day.Date()
	midnight := time.Date(y, m, date, 0, 0, 0, 0, time.UTC)
	d := &life{ctx: ctx, server: s, day: midnight, dice: rand.New(rand.NewPCG(seed, uint64(midnight.Unix())))}
	if err := d.live(); err != nil {
		return d.done, fmt.Errorf("living through %s: %w", midnight.Format(time.DateOnly), err)
	}
	for _, t := range allTables() {
		if p.next == "" {
			break
		}
		if err := s.exec(ctx, fmt.Sprintf(p.next, t.name)); err != nil {
			return d.done, fmt.Errorf("setting the next id of %s: %w", t.name, err)
		}
	}
	return d.done, nil
}

// span is the range of ids that a table has.
type span struct{ low, high int64 }

// life is one day of a shop. The first error is kept and stops everything after it.
// Statements hold their values, which are numbers, times and words of ours, so that they
// are the same for every server.
type life struct {
	ctx    context.Context
	server server
	day    time.Time
	dice   *rand.Rand
	err    error
	done   Changes

	orders, lines, interactions, customers, products span
}

func (d *life) live() error {
	d.exec("BEGIN")
	d.orders, d.lines, d.interactions = d.span("orders"), d.span("order_lines"), d.span("interactions")
	d.customers, d.products = d.span("customers"), d.span("products")
	if d.err == nil && (d.lines.high == 0 || d.customers.high == 0 || d.products.high == 0) {
		d.err = errors.New("the shop is empty")
	}
	if d.err != nil {
		return d.err
	}
	volume := int(min((d.lines.high-d.lines.low)/700+20, 200_000))
	d.sell(volume)
	d.correct(volume/4 + 3)
	d.move(volume/20 + 2)
	d.delete(volume/10 + 2)
	d.beCareless(volume/20 + 1)
	d.exec("COMMIT")
	return d.err
}

func (d *life) exec(format string, args ...any) {
	if d.err == nil {
		d.err = d.server.exec(d.ctx, fmt.Sprintf(format, args...))
	}
}

// numbers runs a query for numbers.
func (d *life) numbers(format string, args ...any) [][]int64 {
	if d.err != nil {
		return nil
	}
	rows, err := d.server.query(d.ctx, fmt.Sprintf(format, args...))
	if err != nil {
		d.err = err
		return nil
	}
	out := make([][]int64, len(rows))
	for i, row := range rows {
		for _, text := range row {
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				d.err = fmt.Errorf("%q is no number", text)
				return nil
			}
			out[i] = append(out[i], n)
		}
	}
	return out
}

func (d *life) span(table string) span {
	rows := d.numbers("SELECT coalesce(min(id), 0), coalesce(max(id), 0) FROM %s", table)
	if len(rows) == 0 {
		return span{}
	}
	return span{rows[0][0], rows[0][1]}
}

// pick draws up to n different rows that were there in the morning, in the order of
// their ids. Rows behind gaps in the ids come up more often.
func (d *life) pick(table string, n int, of span) []int64 {
	if of.high == 0 {
		return nil
	}
	var out []int64
	seen := map[int64]bool{}
	for range n {
		from := of.low + d.dice.Int64N(of.high-of.low+1)
		rows := d.numbers("SELECT id FROM %s WHERE id BETWEEN %d AND %d ORDER BY id LIMIT 1", table, from, of.high)
		if len(rows) > 0 && !seen[rows[0][0]] {
			seen[rows[0][0]] = true
			out = append(out, rows[0][0])
		}
	}
	return out
}

// moment draws a time of the day, from a second on.
func (d *life) moment(second int) string {
	at := d.day.Add(time.Duration(second+d.dice.IntN(86400-second))*time.Second + time.Duration(d.dice.IntN(1e6))*time.Microsecond)
	return literal(at)
}

func literal(t time.Time) string { return "'" + t.UTC().Format("2006-01-02 15:04:05.000000") + "'" }

// cents writes an amount.
func cents(n int64) string { return fmt.Sprintf("%d.%02d", n/100, n%100) }

// batch collects rows of one INSERT statement.
type batch struct {
	life  *life
	table table
	rows  []string
}

func (b *batch) add(values ...any) {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = fmt.Sprint(v)
	}
	b.rows = append(b.rows, "("+strings.Join(texts, ", ")+")")
	if len(b.rows) == 500 {
		b.flush()
	}
}

func (b *batch) flush() {
	if len(b.rows) > 0 {
		b.life.exec("INSERT INTO %s (%s) VALUES %s", b.table.name, b.table.names(), strings.Join(b.rows, ", "))
		b.rows = b.rows[:0]
	}
}

// either draws one of some words, as a literal.
func (d *life) either(words ...string) string { return "'" + words[d.dice.IntN(len(words))] + "'" }
