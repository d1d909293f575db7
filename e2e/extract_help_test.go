package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/contract"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/durable"
	"github.com/mainstay-etl/mainstay/pipeline/lake"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/source/dbtest"
	"github.com/mainstay-etl/mainstay/shop"
	"github.com/mainstay-etl/mainstay/shop/database"
)

// thorough tests take their time: more kills, more rows.
var thorough = os.Getenv("MAINSTAY_LONG") == "1"

// onServers runs a test against every kind of database.
func onServers(t *testing.T, test func(t *testing.T, kind dbtest.Kind)) {
	t.Parallel()
	if testing.Short() {
		t.Skip("extraction from real servers takes a while: skipped by -short")
	}
	for _, kind := range []dbtest.Kind{dbtest.KindPostgres, dbtest.KindMySQL} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			test(t, kind)
		})
	}
}

// opening is the day before the first one that a shop lives through by Mutate.
var opening = time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC)

// day is the nth day of a shop's life.
func day(n int) time.Time { return opening.AddDate(0, 0, n) }

// newShop writes a shop that was open for some months before the opening day.
func newShop(t *testing.T, s *dbtest.Server, customers, months int) {
	t.Helper()
	c := shop.Default()
	c.Customers, c.Start, c.End, c.Products, c.DirtShare = customers, opening.AddDate(0, -months, 0), opening, 60, 0.02
	if _, err := database.Write(t.Context(), s.URL, c, database.Options{}); err != nil {
		t.Fatal(err)
	}
}

// live lets the shop live through the nth day.
func live(t *testing.T, s *dbtest.Server, n int) database.Changes {
	t.Helper()
	done, err := database.Mutate(t.Context(), s.URL, 1, day(n))
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// project is a project that reads the shop in a database.
type project struct {
	server    *dbtest.Server
	dir, data string
	address   string // what SHOP_URL is, when it is not the server's
}

// newProject writes a project. Each edit is a pair of texts: the second takes the
// place of the first one's first appearance in mainstay.yaml.
func newProject(t *testing.T, s *dbtest.Server, edits ...[2]string) *project {
	t.Helper()
	source, err := database.Source(s.URL, database.Options{})
	if err != nil {
		t.Fatal(err)
	}
	text := "name: shop\njobs: {retries: 0}\nresources: {grace: 1s}\n" + source // a fault is to be seen, not waited out
	for _, e := range edits {
		if !strings.Contains(text, e[0]) {
			t.Fatalf("%q is not in the project:\n%s", e[0], text)
		}
		text = strings.Replace(text, e[0], e[1], 1)
	}
	p := &project{server: s, dir: t.TempDir(), address: s.URL}
	p.data = filepath.Join(p.dir, "data")
	p.configure(t, text)
	return p
}

// configure writes mainstay.yaml.
func (p *project) configure(t *testing.T, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, "mainstay.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// args are those of a command on the project.
func (p *project) args(args ...string) []string {
	return append(args, "--project", p.dir, "--data", p.data)
}

func (p *project) env() []string { return []string{"SHOP_URL=" + p.address} }

// extract runs an extraction of the nth day, however it ends.
func (p *project) extract(t *testing.T, n int) result {
	t.Helper()
	return mainstay(t, p.env(), p.args("extract", "--as-of", day(n).Format(time.DateOnly))...)
}

// holds fails the test unless the lake holds what the source holds now, and what was
// extracted for the nth day has proven it.
func (p *project) holds(t *testing.T, n int, when string) {
	t.Helper()
	sameRows(t, when, p.content(t), content(t, p.server))
	p.certified(t, n, when)
}

// certified fails the test unless the certificates of the nth day match. They need not
// be of the day's last extraction: a table is verified once a day.
func (p *project) certified(t *testing.T, n int, when string) {
	t.Helper()
	l := p.ledger(t)
	all, err := l.AllCertificates(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var tables []string
	for _, c := range all {
		if c.AsOf != day(n).Format(time.DateOnly) {
			continue
		}
		if c.Chunks, err = l.Chunks(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if !c.Matches() || len(c.Chunks) == 0 || c.SourceRows == 0 {
			t.Errorf("%s: the certificate does not match: %+v", when, c)
		}
		tables = append(tables, c.Table)
	}
	if slices.Sort(tables); !slices.Equal(tables, []string{"interactions", "orders"}) {
		t.Errorf("%s: day %d has certificates of %v", when, n, tables)
	}
}

// ledger opens the project's ledger for the test.
func (p *project) ledger(t *testing.T) *ledger.Ledger {
	t.Helper()
	l, err := ledger.OpenExisting(context.WithoutCancel(t.Context()), p.data)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// manifest is every file of the lake that counts.
func (p *project) manifest(t *testing.T) map[string]ledger.LakeFile {
	t.Helper()
	out := map[string]ledger.LakeFile{}
	l := p.ledger(t)
	for _, table := range append(contract.Names(), lake.QuarantineTable) {
		files, err := l.LakeFiles(t.Context(), table)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			out[f.Path] = f
		}
	}
	return out
}

// whole fails the test unless every file that counts is there as it was written.
func (p *project) whole(t *testing.T, when string) {
	t.Helper()
	for path, f := range p.manifest(t) {
		if sum, _, err := durable.Digest(filepath.Join(p.data, path)); err != nil || sum != f.SHA256 {
			t.Fatalf("%s: the lake file %s is not as it was written: %v", when, path, err)
		}
	}
}

// content is every row that the lake or its quarantine holds, as sorted text.
func (p *project) content(t *testing.T) []string {
	t.Helper()
	l := &lake.Lake{Dir: p.data, Ledger: p.ledger(t)}
	s, err := duck.Open(t.Context(), duck.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	refused, err := l.Quarantine(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, c := range contract.Tables() {
		table, err := l.Table(t.Context(), c.Name)
		if err != nil {
			t.Fatal(err)
		}
		query := fmt.Sprintf("SELECT %s, '' FROM (%s) UNION ALL SELECT %s, reason FROM (%s) WHERE table_name = %s",
			texts(c, "%s"), table.Select(lake.Window{}, "UTC"), texts(c, "(row->>'$.%s')"), refused, duck.Quote(c.Name))
		r, err := s.Query(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range r.Rows {
			out = append(out, line(c, row))
		}
	}
	slices.Sort(out)
	return out
}

// texts selects the columns of a table as text, from where the format says.
func texts(t contract.Table, format string) string {
	var out []string
	for _, c := range t.Columns {
		value := fmt.Sprintf(format, c.Name)
		switch c.Type {
		case contract.Text:
		case contract.Instant:
			value = fmt.Sprintf("strftime(CAST(%s AS TIMESTAMP), '%%Y-%%m-%%d %%H:%%M:%%S.%%f')", value)
		default:
			value = fmt.Sprintf("CAST(%s AS %s)", value, c.Type)
		}
		out = append(out, fmt.Sprintf("coalesce(CAST(%s AS VARCHAR), 'NULL')", value))
	}
	return strings.Join(out, ", ")
}

func line[V any](t contract.Table, row []V) string {
	out := t.Name
	for _, v := range row {
		out += "|" + fmt.Sprint(v)
	}
	return out
}

// content is every row of the shop in a database, written down without mainstay.
func content(t *testing.T, s *dbtest.Server) []string {
	t.Helper()
	moment := "to_char(%s AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')"
	if s.Kind == dbtest.KindMySQL {
		moment = "DATE_FORMAT(%s, '%%Y-%%m-%%d %%H:%%i:%%s.%%f')"
	}
	const reason = "CASE WHEN %s.customer_id IS NULL THEN 'missing_customer_id' ELSE '' END"
	money := func(names ...string) string {
		return "CAST(" + strings.Join(names, " AS decimal(18,4)), CAST(") + " AS decimal(18,4))"
	}
	queries := map[string]string{
		"orders": "SELECT l.order_id, l.id, o.customer_id, " + fmt.Sprintf(moment, "o.ordered_at") + ", l.product_id, p.category, CAST(l.quantity AS decimal(18,3)), " +
			money("l.unit_price", "l.discount", "p.unit_cost") + ", " + fmt.Sprintf(reason, "o") +
			" FROM order_lines l JOIN orders o ON o.id = l.order_id JOIN products p ON p.id = l.product_id",
		"interactions": "SELECT i.id, i.customer_id, " + fmt.Sprintf(moment, "i.occurred_at") + ", i.kind, i.channel, i.order_id, i.product_id, i.category, CAST(i.quantity AS decimal(18,3)), " +
			money("i.amount") + ", i.campaign_id, i.answers_id, CAST(i.rating AS decimal(9,3)), " + fmt.Sprintf(reason, "i") + " FROM interactions i",
	}
	var out []string
	for _, c := range contract.Tables() {
		query, mapped := queries[c.Name]
		if !mapped {
			continue // the project maps no other table
		}
		for _, row := range s.Query(t, query) {
			out = append(out, line(c, row))
		}
	}
	slices.Sort(out)
	return out
}

// sameRows compares two contents and shows the first rows that differ.
func sameRows(t *testing.T, when string, got, want []string) {
	t.Helper()
	if len(want) == 0 {
		t.Fatalf("%s: there is no row to compare with", when)
	}
	if slices.Equal(got, want) {
		return
	}
	count := map[string]int{}
	for _, row := range got {
		count[row]++
	}
	for _, row := range want {
		count[row]--
	}
	var differ []string
	for row, n := range count {
		if n > 0 {
			differ = append(differ, fmt.Sprintf("%s (%d too many)", row, n))
		} else if n < 0 {
			differ = append(differ, fmt.Sprintf("%s (%d missing)", row, -n))
		}
	}
	slices.Sort(differ)
	t.Fatalf("%s: %d rows where %d are right, %d differ:\n%s", when, len(got), len(want), len(differ), strings.Join(differ[:min(len(differ), 12)], "\n"))
}

// count adds up what befell a shop.
func count(all map[string]int, c database.Changes) {
	for what, n := range map[string]int{"added": c.Lines, "added to interactions": c.Interactions, "corrected": c.Corrected, "moved": c.Moved, "deleted": c.Deleted, "withdrawn": c.Withdrawn,
		"changed in silence": c.Silent, "moved alone": c.MovedOnly, "backdated": c.Backdated, "recalled": c.Recalled, "undated": c.Undated} {
		all[what] += n
	}
}
