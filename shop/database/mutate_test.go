package database

import (
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/source/dbtest"
)

func TestMutateDoesWhatItSays(t *testing.T) {
	each(t, func(t *testing.T, d *dbtest.Server) {
		write(t, d, Options{})
		total := Changes{}
		for day := range 10 {
			before := number(t, d, "SELECT count(*) FROM order_lines")
			gone := map[string]bool{}
			for _, row := range d.Query(t, "SELECT id FROM order_lines") {
				gone[row[0]] = true
			}
			done, err := Mutate(t.Context(), d.URL, 1, small().End.AddDate(0, 0, day))
			if err != nil {
				t.Fatal(err)
			}
			if got := number(t, d, "SELECT count(*) FROM order_lines"); got != before+int64(done.Lines-done.Deleted) {
				t.Errorf("day %d: %d lines after %d, with %+v", day, got, before, done)
			}
			for _, row := range d.Query(t, "SELECT id FROM order_lines") {
				delete(gone, row[0])
			}
			if len(gone) != done.Deleted {
				t.Errorf("day %d: %d lines are gone, %d are said to be", day, len(gone), done.Deleted)
			}
			total.Backdated += done.Backdated
			total.Recalled += done.Recalled
			if done.Corrected == 0 || done.Moved == 0 || done.Silent == 0 || done.Undated == 0 || done.Withdrawn == 0 || done.Interactions == 0 {
				t.Errorf("day %d: something did not happen: %+v", day, done)
			}
		}
		if total.Backdated == 0 || total.Recalled == 0 {
			t.Errorf("in ten days something did not happen: %+v", total)
		}
		if got := number(t, d, "SELECT count(*) FROM order_lines WHERE updated_at IS NULL"); got == 0 {
			t.Error("no line without updated_at")
		}
		if got := number(t, d, "SELECT count(*) FROM order_lines l JOIN orders o ON o.id = l.order_id WHERE l.updated_at > '2023-05-11 06:00:00'"); got != 0 {
			t.Errorf("%d lines were changed after the last day", got)
		}
		d.Exec(t, "INSERT INTO order_lines (order_id, product_id, quantity, unit_price) VALUES (1, 1, 1, 1)")
	})
}

func TestMutateNeedsAShop(t *testing.T) {
	each(t, func(t *testing.T, d *dbtest.Server) {
		if _, err := Mutate(t.Context(), d.URL, 1, time.Now()); err == nil {
			t.Error("an empty database lived through a day")
		}
	})
}
