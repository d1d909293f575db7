package ledger

import (
	"testing"
)

// A night whose process dies between the swap of the warehouse and its last word was
// published; one that dies before the swap was not.
func TestRecover(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		settled bool
		want    string
	}{{true, Published}, {false, Interrupted}} {
		l, err := Open(t.Context(), t.TempDir(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		id, err := l.Begin(t.Context(), Night{AsOf: "2024-03-01"})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, unsettled, err := l.Unsettled(t.Context()); err != nil || unsettled {
			t.Errorf("before publication: unsettled %v, %v", unsettled, err)
		}
		if err := l.Publishing(t.Context(), Night{ID: id, AsOf: "2024-03-01", Directory: "d"}, "new", nil); err != nil {
			t.Fatal(err)
		}
		n, warehouse, unsettled, err := l.Unsettled(t.Context())
		if err != nil || !unsettled || warehouse != "new" || n.ID != id || n.AsOf != "2024-03-01" {
			t.Errorf("about to publish: unsettled %v, %+v, %q, %v", unsettled, n, warehouse, err)
		}
		if c.settled {
			if err := l.Recover(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := l.Begin(t.Context(), Night{AsOf: "2024-03-02"}); err != nil {
			t.Fatal(err)
		}
		nights, err := l.Nights(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := nights[1].Status; got != c.want {
			t.Errorf("settled %v: the night is %s, want %s", c.settled, got, c.want)
		}
	}
}
