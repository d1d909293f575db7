package mysql

import (
	"strings"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/source/relational"
)

func TestOpenTransactions(t *testing.T) {
	b := setup(t, numbers)
	early, late, xa := b.server.Session(t), b.server.Session(t), b.server.Session(t)
	early.Exec(t, "START TRANSACTION WITH CONSISTENT SNAPSHOT") // has written nothing yet
	late.Exec(t, "START TRANSACTION", "INSERT INTO t VALUES (1, 1)")
	xid := "'" + b.server.Name + "'"
	xa.Exec(t, "XA START "+xid, "INSERT INTO t VALUES (2, 2)")
	m := b.begin()
	if len(m.Open) < 3 {
		t.Fatalf("%q, want at least three", m.Open)
	}
	open := func(names []string) map[string]bool {
		_, s := b.connect(b.server.URL, relational.Limits{})
		if _, err := s.Begin(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		still := map[string]bool{}
		for _, name := range s.StillOpen(names) {
			still[name] = true
		}
		return still
	}
	mine := ours(b, m.Open, early, late, xa)
	if still := open(mine); len(still) != 3 {
		t.Errorf("%v of %q", still, mine)
	}
	early.Exec(t, "INSERT INTO t VALUES (3, 3)") // gets its number
	late.Exec(t, "COMMIT")
	if still := open(mine); len(still) != 2 {
		t.Errorf("%v of %q", still, mine)
	}
	xa.Exec(t, "XA END "+xid, "XA PREPARE "+xid)
	xa.Close() // it goes on without its connection
	early.Exec(t, "ROLLBACK")
	for range 50 { // until the server has noticed
		if b.server.Value(t, "SELECT count(*) FROM information_schema.innodb_trx WHERE trx_mysql_thread_id = 0") != "0" {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	still := open(mine)
	if len(still) == 0 {
		t.Errorf("the prepared transaction of %q counts as ended", mine)
	}
	b.server.Exec(t, "XA COMMIT "+xid)
	if still := open(mine); len(still) != 0 {
		t.Errorf("%v of %q", still, mine)
	}
}

// ours picks the transactions of some sessions, as other tests have theirs.
func ours(b *bundle, open []string, sessions ...interface {
	Query(testing.TB, string) [][]string
}) []string {
	b.Helper()
	var mine []string
	for _, s := range sessions {
		id := s.Query(b, "SELECT CONNECTION_ID()")[0][0]
		for _, name := range open {
			if strings.HasPrefix(name, id+"/") {
				mine = append(mine, name)
			}
		}
	}
	return mine
}

func TestStillOpenIsCareful(t *testing.T) {
	t.Parallel()
	s := &session{open: []trx{{"5", "2024-01-01 00:00:00", "77"}, {"0", "2024-01-01 00:00:01", "88"}}}
	for _, c := range []struct{ old, want string }{
		{"5/2024-01-01 00:00:00/", "5/2024-01-01 00:00:00/77"},                          // has written since
		{"9/2023-01-01 00:00:00/77", "5/2024-01-01 00:00:00/77"},                        // by its number
		{"5/2023-12-31 00:00:00/", "0/2024-01-01 00:00:01/88"},                          // gone, or left
		{"0/2024-01-01 00:00:01/88 3/2024-01-01 00:00:00/", "0/2024-01-01 00:00:01/88"}, // the one that was left is known
		{"", ""},
	} {
		if got := strings.Join(s.StillOpen(split(c.old)), " "); got != c.want {
			t.Errorf("%q: %q, want %q", c.old, got, c.want)
		}
	}
}

// split takes apart names, which have a space in them themselves.
func split(list string) []string {
	words := strings.Fields(list)
	var out []string
	for i := 0; i+1 < len(words); i += 2 {
		out = append(out, words[i]+" "+words[i+1])
	}
	return out
}
