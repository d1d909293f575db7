package push

import (
	"net/url"
	"strings"
	"testing"
)

// readOnly is an address whose sessions take no writes.
func readOnly(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("default_transaction_read_only", "on")
	u.RawQuery = q.Encode()
	return u.String()
}

// What may not be done is found before a night needs it, and nothing is changed.
func TestCheck(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner := b.o
	role, address := b.s.Role(t)
	check := func(want string) {
		t.Helper()
		server, err := Check(t.Context(), b.o, []string{"scores"})
		if got := server; err != nil {
			got = err.Error()
			if !strings.Contains(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		} else if !strings.Contains(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	check("may write into schema crm of " + b.s.Name)
	b.o.Server.URL = address
	check("there is no schema crm, and " + role + " may not make one")
	b.o = owner
	b.push(b.night(1, b.table("scores", "SELECT 1 AS n")))
	check("may write into schema crm")
	b.o.Server.URL = address
	check("may not make tables in schema crm of " + b.s.Name + ": GRANT USAGE, CREATE")
	b.s.Exec(t, "GRANT USAGE, CREATE ON SCHEMA crm TO "+role)
	check("may not replace the rows of 2 tables in schema crm, mainstay_tables among them")
	b.s.Exec(t, "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA crm TO "+role)
	check(role + " may write into schema crm")
	b.push(b.night(2, b.table("scores", "SELECT 2 AS n")))
	b.want("SELECT n FROM crm.scores", "2")
	b.o.Server.URL = readOnly(t, address)
	check("the server takes no writes")
	b.s.Exec(t, "ALTER ROLE "+role+" PASSWORD 'another'")
	b.o.Server.URL = address
	check("password authentication failed")
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	if _, err := Check(t.Context(), b.o, nil); err == nil || strings.Contains(err.Error(), password) {
		t.Errorf("the password shows: %v", err)
	}
}
