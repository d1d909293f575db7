package e2e

import (
	"os"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/longtest"
)

// A disk that is full anywhere while a customer is forgotten: the command says so, readers
// are served, and with space it goes on until nothing is left.
func TestForgetOnAFullDisk(t *testing.T) {
	longtest.Thorough(t)
	s := newCrashShop(t)
	customer := whose(t, s.base)
	full := 0
	for _, first := range []int{16, 700} { // kilobytes, so that it is full at other places
		p := &project{data: t.TempDir()}
		p.data += "/data"
		p.smallDisk(t)
		p.resize(t, 200_000)
		if err := os.CopyFS(p.data, os.DirFS(s.base)); err != nil {
			t.Fatal(err)
		}
		for space := first; ; space = space * 8 / 5 {
			p.resize(t, p.used(t)+space)
			r := mainstay(t, nil, "forget", "--data", p.data, customer)
			if r.code == 0 {
				r.has(t, "nothing is left of 1 customers")
				t.Logf("%d KB more than is used are enough", space)
				break
			}
			full++
			t.Logf("%d KB: %.300s", space, r.stderr)
			if r.code != 1 || !strings.Contains(r.stderr, "the disk of "+p.data+" is full") {
				t.Errorf("%d KB: exit code %d, want 1 and that the disk is full: %s", space, r.code, r.stderr)
			}
			if n := query(t, p.data, "SELECT count(*) > 0 FROM customer_360"); n != "true" {
				t.Errorf("%d KB: readers get %s", space, n)
			}
			if space > 100_000 {
				t.Fatal("it never fits")
			}
		}
		if left := traces(t, p.data, customer); len(left) > 0 {
			t.Errorf("%s is still in %v", customer, left)
		}
		mainstay(t, nil, "repair", "--data", p.data).ok(t).has(t, "sound")
	}
	if full < 5 {
		t.Errorf("the disk was full %d times: the test shows little", full)
	}
}
