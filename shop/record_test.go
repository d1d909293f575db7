package shop

import (
	"context"
	"errors"
	"testing"
	"time"
)

// tally counts what a Recorder gets and checks what it can on the way.
type tally struct {
	t                     *testing.T
	orders, lines, guests int64
	interactions, unknown int64
	day, customer         int
	guest                 bool
}

func (c *tally) OrderLine(l *OrderLine) error {
	c.lines++
	if l.Line == 1 {
		c.orders++
		c.guest = l.Guest
	}
	if l.Guest {
		c.guests++
	}
	if l.Guest != c.guest {
		c.t.Errorf("the lines of an order of customer %d disagree on whose it is", l.Customer)
	}
	if l.Day < c.day || l.Day == c.day && l.Customer < c.customer {
		c.t.Fatalf("day %d, customer %d after day %d, customer %d", l.Day, l.Customer, c.day, c.customer)
	}
	c.day, c.customer = l.Day, l.Customer
	return nil
}

func (c *tally) Interaction(i *Interaction) error {
	c.interactions++
	if i.Guest {
		c.unknown++
	}
	if i.Kind == "" || i.Seq < 1 {
		c.t.Errorf("an interaction without a kind or number: %+v", *i)
	}
	if i.AnswersDay > i.Day {
		c.t.Errorf("an answer to what has not happened: %+v", *i)
	}
	return nil
}

// Records are the events of the files.
func TestRecordTellsWhatFilesHold(t *testing.T) {
	t.Parallel()
	cfg := Default()
	cfg.Customers, cfg.End = 300, cfg.Start.AddDate(0, 6, 0)
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	c := &tally{t: t}
	sum, err := s.Record(t.Context(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	if sum.Orders != c.orders || sum.OrderLines.Rows != c.lines || sum.Interactions.Rows != c.interactions ||
		sum.OrderLines.MissingCustomer != c.guests || sum.Interactions.MissingCustomer != c.unknown {
		t.Errorf("the summary %+v is not what was given: %+v", sum, *c)
	}
	if c.guests == 0 || c.unknown == 0 {
		t.Error("no dirt")
	}
	files, err := s.WriteDays(t.Context(), t.TempDir(), cfg.Start, cfg.End, nil)
	if err != nil {
		t.Fatal(err)
	}
	if lines := files.OrderLines.Rows - files.OrderLines.Duplicates; files.Orders != c.orders || lines != c.lines {
		t.Errorf("the files hold %d orders, %d lines; the records %d, %d", files.Orders, lines, c.orders, c.lines)
	}
	if got := files.Interactions.Rows - files.Interactions.Duplicates; got != c.interactions {
		t.Errorf("the files hold %d interactions, the records %d", got, c.interactions)
	}
}

func TestRecordStops(t *testing.T) {
	t.Parallel()
	cfg := Default()
	cfg.Customers, cfg.End = 50, cfg.Start.AddDate(0, 1, 0)
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	days := 0
	if _, err := s.Record(ctx, &tally{t: t}, func(p Progress) {
		if days++; days == 3 {
			cancel()
		}
	}); !errors.Is(err, context.Canceled) || days != 3 {
		t.Errorf("after %d days: %v", days, err)
	}
}

func TestEachCustomer(t *testing.T) {
	t.Parallel()
	cfg := Default()
	cfg.Customers = 40
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	if err := s.EachCustomer(func(c Customer) error {
		if c.Number != n || c.ID == "" || c.Joined.Before(cfg.Start.AddDate(-2, 0, 0)) || !c.Joined.Before(cfg.End) || c.Joined.Hour() != 0 {
			t.Errorf("customer %d: %+v, joined %s", n, c, c.Joined.Format(time.DateOnly))
		}
		n++
		return nil
	}); err != nil || n != cfg.Customers {
		t.Errorf("%d customers, %v", n, err)
	}
	if got := s.Products(); len(got) != cfg.Products || got[0].ID != "P00001" {
		t.Errorf("%d products, first %+v", len(got), got[0])
	}
}

func BenchmarkRecord(b *testing.B) {
	cfg := Default()
	cfg.Customers = 5000
	var rows, lines int64
	for b.Loop() {
		s, err := New(cfg)
		if err != nil {
			b.Fatal(err)
		}
		sum, err := s.Record(b.Context(), nowhere{}, nil)
		if err != nil {
			b.Fatal(err)
		}
		lines += sum.OrderLines.Rows
		rows += sum.OrderLines.Rows + sum.Interactions.Rows
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(rows)/float64(lines), "rows/line")
}

type nowhere struct{}

func (nowhere) OrderLine(*OrderLine) error     { return nil }
func (nowhere) Interaction(*Interaction) error { return nil }
