package jobs_test

import (
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/jobs"
	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/lake"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/source/dbtest"
)

const masterConfig = `name: test-shop
data: ./data
sources:
  - name: crm
    type: %s
    url: %s
    password_file: ./secret
    tables:
      customers:
        select: SELECT id AS customer_id, valid_from AS recorded_at, tier AS segment FROM customer_history
        key: [customer_id, recorded_at]
        cursor: recorded_at
      products:
        select: SELECT id AS product_id, TIMESTAMP '1970-01-01 00:00:00' AS recorded_at, cost AS unit_cost FROM goods
        key: product_id
      payments:
        select: SELECT id AS payment_id, customer AS customer_id, issued_at, due_on, amount, paid_at, paid AS paid_amount, state FROM invoices
        key: payment_id
`

// Master data and payments of a database: a key with a time in it, a day without one, rows
// that are completed and corrected. Each night its certificates match.
func TestMasterDataOfADatabase(t *testing.T) {
	t.Parallel()
	for _, kind := range []dbtest.Kind{dbtest.KindPostgres, dbtest.KindMySQL} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			d := dbtest.Of(t, kind)
			local := map[dbtest.Kind]string{dbtest.KindPostgres: "timestamp", dbtest.KindMySQL: "datetime"}[kind] // a time without a zone
			d.Exec(t, "CREATE TABLE customer_history (id varchar(9) NOT NULL, valid_from "+local+" NOT NULL, tier varchar(9), PRIMARY KEY (id, valid_from))",
				"CREATE TABLE goods (id varchar(9) PRIMARY KEY, cost decimal(10,2))",
				"CREATE TABLE invoices (id int PRIMARY KEY, customer varchar(9), issued_at "+local+" NOT NULL, due_on date, amount decimal(10,2), paid_at "+local+" NULL, paid decimal(10,2), state varchar(9))",
				"INSERT INTO customer_history VALUES ('c1', '2024-01-01 00:00:00', 'small'), ('c1', '2024-02-10 12:00:00', 'large'), ('c2', '2024-01-05 00:00:00', 'small')",
				"INSERT INTO goods VALUES ('p1', 4.50), ('p2', NULL)",
				"INSERT INTO invoices VALUES (1, 'c1', '2024-02-01 10:00:00', '2024-02-15', 100, NULL, NULL, 'open'), (2, 'c2', '2024-02-02 10:00:00', '2024-02-16', 50, '2024-02-20 09:00:00', 50, 'paid')")
			b := &testBundle{t: t, ctx: t.Context(), dir: t.TempDir()}
			b.data = filepath.Join(b.dir, "data")
			address := must(url.Parse(d.URL))
			password, _ := address.User.Password()
			address.User = url.User(address.User.Username())
			b.write("mainstay.yaml", fmt.Sprintf(masterConfig, kind, address))
			b.write("secret", password+"\n")
			if err := os.Chmod(filepath.Join(b.dir, "secret"), 0o600); err != nil {
				t.Fatal(err)
			}
			b.wantMaster("2024-03-01", "c1|01-01|small c1|02-10|large c2|01-05|small", "1|02-15|-|- 2|02-16|02-20|paid")
			d.Exec(t, "UPDATE invoices SET paid_at = '2024-03-10 09:00:00', paid = 100, state = 'paid' WHERE id = 1", "UPDATE goods SET cost = 5 WHERE id = 'p1'",
				"INSERT INTO customer_history VALUES ('c2', '2024-03-05 00:00:00', 'large')", "UPDATE customer_history SET tier = 'huge' WHERE id = 'c1' AND tier = 'large'")
			b.wantMaster("2024-03-01", "c1|01-01|small c1|02-10|huge c2|01-05|small", "1|02-15|-|- 2|02-16|02-20|paid")
			b.wantMaster("2024-03-11", "c1|01-01|small c1|02-10|huge c2|01-05|small c2|03-05|large", "1|02-15|03-10|paid 2|02-16|02-20|paid")
			d.Exec(t, "DELETE FROM customer_history WHERE valid_from > '2024-03-01'", "DELETE FROM invoices WHERE id = 2")
			b.wantMaster("2024-03-12", "c1|01-01|small c1|02-10|huge c2|01-05|small", "1|02-15|03-10|paid")
		})
	}
}

// wantMaster extracts and looks at what the lake shows of the time before a day.
func (b *testBundle) wantMaster(asOf, customers, payments string) {
	b.t.Helper()
	p, err := jobs.LoadForExtraction(b.dir, "")
	if err != nil {
		b.t.Fatal(err)
	}
	day := must(pipeline.ParseDay(asOf))
	if _, err := jobs.RunExtraction(b.ctx, p, jobs.ExtractionOptions{Options: jobs.Options{AsOf: day, Watch: silent{}, Log: slog.New(slog.DiscardHandler)}}); err != nil {
		b.t.Fatal(err)
	}
	l, err := ledger.OpenExisting(b.ctx, b.data)
	if err != nil {
		b.t.Fatal(err)
	}
	defer l.Close()
	s, err := duck.Open(b.ctx, duck.Options{})
	if err != nil {
		b.t.Fatal(err)
	}
	defer s.Close()
	for _, tt := range []struct{ table, columns, want string }{
		{"customers", "customer_id, strftime(recorded_at, '%m-%d'), segment", customers},
		{"payments", "payment_id, strftime(due_on, '%m-%d'), coalesce(strftime(paid_at, '%m-%d'), '-'), coalesce(state, '-')", payments},
	} {
		table, err := (&lake.Lake{Dir: b.data, Ledger: l}).Table(b.ctx, tt.table)
		if err != nil {
			b.t.Fatal(err)
		}
		r, err := s.Query(b.ctx, fmt.Sprintf("SELECT concat_ws('|', %s) FROM (%s) ORDER BY 1", tt.columns, table.Select(lake.Window{To: day.Start(time.UTC)}, "UTC")))
		if err != nil {
			b.t.Fatal(err)
		}
		var rows []string
		for _, row := range r.Rows {
			rows = append(rows, fmt.Sprint(row[0]))
		}
		if got := strings.Join(rows, " "); got != tt.want {
			b.t.Errorf("%s before %s:\n got %s\nwant %s", tt.table, asOf, got, tt.want)
		}
	}
}
