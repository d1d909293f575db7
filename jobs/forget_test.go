package jobs_test

import (
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/mainstay-etl/mainstay/jobs"
	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/source/dbtest"
)

// certificatesOf extracts and returns "table: source rows, left out, matches" of the night.
func (b *testBundle) certificatesOf(asOf string) map[string]string {
	b.t.Helper()
	p := must(jobs.LoadForExtraction(b.dir, ""))
	day := must(pipeline.ParseDay(asOf))
	x, err := jobs.RunExtraction(b.ctx, p, jobs.ExtractionOptions{Options: jobs.Options{AsOf: day, Watch: silent{}, Log: slog.New(slog.DiscardHandler)}})
	if err != nil {
		b.t.Fatal(err)
	}
	out := map[string]string{}
	for _, c := range x.Certificates {
		out[c.Table] = fmt.Sprintf("%d, %d, %t", c.SourceRows, c.Forgotten, c.Matches())
	}
	return out
}

// A person of a database is forgotten: the comparison with the source, which still has the
// rows, neither misses them nor brings them back, also when they change. A row that goes
// over to another customer is taken again. The customer's number is also an amount and a part
// of dates.
func TestForgetPersonOfADatabase(t *testing.T) {
	t.Parallel()
	d := dbtest.Of(t, dbtest.KindPostgres)
	d.Exec(t, "CREATE TABLE customer_history (id varchar(9) NOT NULL, valid_from timestamp NOT NULL, tier varchar(9), PRIMARY KEY (id, valid_from))",
		"CREATE TABLE goods (id varchar(9) PRIMARY KEY, cost decimal(10,2))",
		"CREATE TABLE invoices (id int PRIMARY KEY, customer varchar(9), issued_at timestamp NOT NULL, due_on date, amount decimal(10,2), paid_at timestamp NULL, paid decimal(10,2), state varchar(9))",
		"INSERT INTO customer_history VALUES ('10', '2024-01-01 00:00:00', 'small'), ('10', '2024-02-10 12:00:00', 'large'), ('c2', '2024-01-05 00:00:00', 'small')",
		"INSERT INTO invoices VALUES (1, '10', '2024-02-01 10:00:00', '2024-02-15', 100, NULL, NULL, 'open'), (2, 'c2', '2024-02-02 10:00:00', '2024-02-16', 50, NULL, NULL, 'open'), (3, '10', '2024-02-03 10:00:00', NULL, NULL, NULL, NULL, 'open')")
	b := &testBundle{t: t, ctx: t.Context(), dir: t.TempDir()}
	b.data = filepath.Join(b.dir, "data")
	address := must(url.Parse(d.URL))
	password, _ := address.User.Password()
	address.User = url.User(address.User.Username())
	b.write("mainstay.yaml", fmt.Sprintf(masterConfig, dbtest.KindPostgres, address))
	b.write("secret", password+"\n")
	must(0, os.Chmod(filepath.Join(b.dir, "secret"), 0o600))
	want := func(when string, got map[string]string, customers, payments string) {
		t.Helper()
		if got["customers"] != customers || got["payments"] != payments {
			t.Errorf("%s: customers %q and payments %q, wanted %q and %q", when, got["customers"], got["payments"], customers, payments)
		}
	}
	want("at first", b.certificatesOf("2024-03-01"), "3, 0, true", "3, 0, true")
	b.wantMaster("2024-03-02", "10|01-01|small 10|02-10|large c2|01-05|small", "1|02-15|-|- 2|02-16|-|-")
	b.wantMaster("2024-03-02", "10|01-01|small 10|02-10|large c2|01-05|small", "1|02-15|-|- 2|02-16|-|-")

	f := must(jobs.Forget(b.ctx, b.data, []string{"10"}, jobs.ForgetOptions{}))
	if f.Lake.Rows["customers"] != 2 || f.Lake.Rows["payments"] != 1 || f.Lake.Rows["quarantine"] != 1 || !f.Proof.Clean() {
		t.Errorf("taken out: %+v", f)
	}
	want("after that", b.certificatesOf("2024-03-03"), "1, 2, true", "1, 2, true")
	d.Exec(t, "UPDATE invoices SET paid_at = '2024-03-10 09:00:00', paid = 100, state = 'paid' WHERE id = 1", "INSERT INTO invoices VALUES (4, '10', '2024-03-04 10:00:00', NULL, 10, NULL, NULL, 'open')",
		"INSERT INTO customer_history VALUES ('10', '2024-03-05 00:00:00', 'huge')")
	want("changed", b.certificatesOf("2024-03-11"), "1, 3, true", "1, 3, true")
	b.wantMaster("2024-03-12", "c2|01-05|small", "2|02-16|-|-")
	d.Exec(t, "UPDATE invoices SET customer = 'c2' WHERE id = 1")
	want("gone over", b.certificatesOf("2024-03-13"), "1, 3, true", "2, 2, true")
	b.wantMaster("2024-03-13", "c2|01-05|small", "1|02-15|03-10|paid 2|02-16|-|-")

	if again := must(jobs.Forget(b.ctx, b.data, []string{"10"}, jobs.ForgetOptions{})); len(again.Lake.Rows) > 0 || !again.Proof.Clean() {
		t.Errorf("something came back: %+v", again)
	}
	l := must(ledger.OpenExisting(b.ctx, b.data))
	defer l.Close()
	forgotten := int64(0)
	for _, a := range must(l.Accounts(b.ctx)) {
		forgotten += a.Forgotten
		if a.Read != a.Stored+a.Duplicates+a.Quarantined+a.Forgotten {
			t.Errorf("%s: %+v does not add up", a.Input.Name, a)
		}
	}
	if forgotten < 7 {
		t.Errorf("%d rows are counted as forgotten, wanted the 4 that were taken out and 3 that were left out at the least", forgotten)
	}
}
