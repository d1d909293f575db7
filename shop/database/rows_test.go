package database

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

func TestEncoder(t *testing.T) {
	t.Parallel()
	var r encoder
	r.start([]byte("before\n"))
	r.int(-7)
	r.optional(0, 1)
	r.optional(1, 1)
	r.text("a\tb\\c\nd\re'f")
	r.text("")
	r.money(1234500)
	r.money(500)
	r.time(-1, 7)
	r.time(1709319845, 123456)
	want := "before\n-7\t\\N\t1\ta\\tb\\\\c\\nd\\re'f\t\\N\t123.45\t0.05\t1969-12-31 23:59:59.000007\t2024-03-01 19:04:05.123456\n"
	if got := string(r.end()); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// Times and amounts are what the standard library writes.
func TestEncoderAgreesWithFormat(t *testing.T) {
	t.Parallel()
	dice := rand.New(rand.NewPCG(1, 2))
	var r encoder
	for range 10_000 {
		at, micros, cents := dice.Int64N(4e9)-1e9, dice.Int64N(1e6), dice.Int64N(1e9)
		r.start(r.b[:0])
		r.time(at, micros)
		r.money(cents * 100)
		want := time.Unix(at, micros*1000).UTC().Format("2006-01-02 15:04:05.000000") + fmt.Sprintf("\t%d.%02d\n", cents/100, cents%100)
		if got := string(r.end()); got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
	}
}

func TestIDsGrowAndDiffer(t *testing.T) {
	t.Parallel()
	for _, customers := range []int{1, 9, 10, 999, 1000, 50_000_000} {
		ids, last := newIDs(customers), int64(0)
		for _, day := range []int{0, 1, 29999} {
			for _, customer := range []int{0, customers / 2, customers - 1} {
				if customer == customers/2 && (customers < 3) {
					continue
				}
				for _, number := range []int{1, 2, 999} {
					id := ids.of(day, customer, number)
					if id <= last && customers > 1 {
						t.Errorf("%d customers: id %d of day %d, customer %d, number %d is not above %d", customers, id, day, customer, number, last)
					}
					last = id
				}
			}
		}
		if last >= 1<<53 {
			t.Errorf("%d customers: id %d is no exact float", customers, last)
		}
	}
	if newIDs(5).of(-1, 3, 2) != noID {
		t.Error("no day has an id")
	}
}

func TestAppendValues(t *testing.T) {
	t.Parallel()
	for row, want := range map[string]string{
		"1\t\\N\ta":         "('1',NULL,'a')",
		`x\ty` + "\tO'Hara": `('x\ty','O''Hara')`,
		"":                  "('')",
	} {
		if got := string(appendValues(nil, []byte(row))); got != want {
			t.Errorf("%q: got %s, want %s", row, got, want)
		}
	}
}

// Parts are whole rows, and together they are all rows.
func TestFeed(t *testing.T) {
	t.Parallel()
	for _, rows := range []int{0, 1, 100, 60_000} {
		f := newFeed(t.Context())
		var want bytes.Buffer
		go func() {
			for i := range rows {
				row := fmt.Sprintf("%d\tsome text to fill the row\n", i)
				want.WriteString(row)
				if err := f.put(append(f.own, row...)); err != nil {
					t.Error(err)
				}
			}
			if err := f.end(); err != nil {
				t.Error(err)
			}
		}()
		var got strings.Builder
		for !f.ended() {
			part, err := io.ReadAll(f.part(300_000))
			if err != nil || len(part) == 0 || part[len(part)-1] != '\n' || len(part) > 300_000+2*feedBytes {
				t.Fatalf("a part of %d bytes, %v", len(part), err)
			}
			got.Write(part)
		}
		if got.String() != want.String() {
			t.Errorf("%d rows: %d bytes read, %d written", rows, got.Len(), want.Len())
		}
	}
}

// Rows of a maker that gave up never look complete.
func TestFeedGivenUp(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	f := newFeed(ctx)
	cause := errors.New("gave up")
	if err := f.put(append(f.own, "1\n"...)); err != nil {
		t.Fatal(err)
	}
	cancel(cause)
	if _, err := io.ReadAll(f); !errors.Is(err, cause) {
		t.Errorf("reading what is not complete: %v", err)
	}
	for range 10 {
		f.own = append(f.own[:0], '1', '\n')
		if err := f.flush(); err != nil {
			if !errors.Is(err, cause) {
				t.Error(err)
			}
			return
		}
	}
	t.Error("nobody reads, and nobody says so")
}
