package dbtest

import (
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// each runs a test against both kinds of servers.
func each(t *testing.T, test func(t *testing.T, kind Kind)) {
	t.Parallel()
	for _, kind := range []Kind{KindPostgres, KindMySQL} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			test(t, kind)
		})
	}
}

func TestDatabaseIsTheTestsOwn(t *testing.T) {
	each(t, func(t *testing.T, kind Kind) {
		a, b := Of(t, kind), Of(t, kind)
		for _, s := range []*Server{a, b} {
			s.Exec(t, "CREATE TABLE things (id bigint PRIMARY KEY, note text)", "INSERT INTO things VALUES (1, 'é'), (2, NULL), (3, '')")
		}
		a.Exec(t, "DELETE FROM things WHERE id = 1")
		want := [][]string{{"2", "NULL"}, {"3", ""}}
		if got := a.Query(t, "SELECT id, note FROM things ORDER BY id"); !slices.EqualFunc(got, want, slices.Equal) {
			t.Errorf("rows are %q, want %q", got, want)
		}
		if got := b.Value(t, "SELECT note FROM things WHERE id = 1"); got != "é" {
			t.Errorf("note is %q", got)
		}
	})
}

func TestDatabaseIsDropped(t *testing.T) {
	each(t, func(t *testing.T, kind Kind) {
		outer := Of(t, kind)
		var gone *Server
		t.Run("inner", func(t *testing.T) {
			gone = Of(t, kind)
			gone.Exec(t, "CREATE TABLE things (id bigint PRIMARY KEY)")
			left := open(t, kind, gone.URL) // somebody who forgets to go
			t.Cleanup(left.Close)
			left.Exec(t, "BEGIN", "INSERT INTO things VALUES (1)")
			if kind == KindPostgres {
				gone.Session(t).Exec(t, "BEGIN; INSERT INTO things VALUES (2); PREPARE TRANSACTION 'it''s "+gone.Name+"'")
			}
		})
		list := "SELECT count(*) FROM pg_database WHERE datname = '" + gone.Name + "'"
		if kind == KindMySQL {
			list = "SELECT count(*) FROM information_schema.schemata WHERE schema_name = '" + gone.Name + "'"
		}
		if got := outer.Value(t, list); got != "0" {
			t.Errorf("%s databases of the ended test are left", got)
		}
	})
}

func TestSessionKeepsATransaction(t *testing.T) {
	each(t, func(t *testing.T, kind Kind) {
		s := Of(t, kind)
		s.Exec(t, "CREATE TABLE things (id bigint PRIMARY KEY)")
		c := s.Session(t)
		c.Exec(t, "BEGIN", "INSERT INTO things VALUES (1)")
		if got := s.Value(t, "SELECT count(*) FROM things"); got != "0" {
			t.Errorf("%s rows before the commit", got)
		}
		c.Exec(t, "COMMIT")
		if got := s.Value(t, "SELECT count(*) FROM things"); got != "1" {
			t.Errorf("%s rows after the commit", got)
		}
	})
}

func TestRoleMayNothing(t *testing.T) {
	each(t, func(t *testing.T, kind Kind) {
		s := Of(t, kind)
		s.Exec(t, "CREATE TABLE things (id bigint PRIMARY KEY)")
		name, address := s.Role(t)
		c := open(t, kind, address)
		defer c.Close()
		if err := c.Try("SELECT * FROM things"); err == nil {
			t.Error("a new role may read a table")
		}
		s.Exec(t, "GRANT SELECT ON things TO "+name)
		if err := c.Try("SELECT * FROM things"); err != nil {
			t.Error(err)
		}
	})
}

func TestPrivateServerComesBack(t *testing.T) {
	each(t, func(t *testing.T, kind Kind) {
		s := Private(t, kind)
		s.Exec(t, "CREATE TABLE things (id bigint PRIMARY KEY)", "INSERT INTO things VALUES (1)")
		c := s.Session(t)
		s.Kill(t)
		if err := c.Try("SELECT 1"); err == nil {
			t.Error("a killed server answers")
		}
		if _, err := connect(kind, s.URL); err == nil {
			t.Error("a killed server lets in")
		}
		s.Start(t)
		if got := s.Value(t, "SELECT count(*) FROM things"); got != "1" {
			t.Errorf("%s rows after a crash", got)
		}
		s.Stop(t)
		s.Start(t)
		s.Restart(t)
		if got := s.Value(t, "SELECT count(*) FROM things"); got != "1" {
			t.Errorf("%s rows after restarts", got)
		}
	})
}

func TestPostgresCertificate(t *testing.T) {
	t.Parallel()
	s := Postgres(t)
	if s.CA == "" {
		t.Skip("the server was not started by servers.sh")
	}
	ctx, cancel := within()
	defer cancel()
	strict := strings.ReplaceAll(s.URL, "sslmode=disable", "sslmode=verify-full")
	c, err := pgconn.Connect(ctx, strict+"&sslrootcert="+s.CA)
	if err != nil {
		t.Fatal(err)
	}
	c.Close(ctx)
	if _, err := pgconn.Connect(ctx, strict); err == nil {
		t.Error("a certificate of nobody known is taken")
	}
}
