package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/fault"
)

// Ten nights over the days of a real shop, with a crash in every night, end with the same
// tables as ten quiet nights.
func TestTenNightsWithACrashEach(t *testing.T) {
	t.Parallel()
	if !thorough {
		t.Skip("30 nights take minutes: MAINSTAY_LONG=1 runs them")
	}
	if _, err := os.Stat(onlineRetail); err != nil {
		t.Skipf("the Online Retail data is not at %s: the test on real data is skipped (UCI Online Retail, as one CSV per day)", onlineRetail)
	}
	project := smallForests(t)
	config, err := os.ReadFile(filepath.Join(project, "mainstay.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	short := string(config) + "\nhistory: {lookback_days: 60, horizon_days: 14, min_days: 30, max_cutoffs: 3}\n"
	if err := os.WriteFile(filepath.Join(project, "mainstay.yaml"), []byte(short), 0o644); err != nil {
		t.Fatal(err)
	}
	incoming, quiet, crashed := t.TempDir(), filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "data")
	s := crashShop{dir: project}
	env := []string{"ONLINE_RETAIL_DIR=" + incoming}
	dice := rand.New(rand.NewPCG(10, 10))
	from := time.Date(2011, 3, 1, 0, 0, 0, 0, time.UTC)
	for n := range 10 {
		asOf := from.AddDate(0, 0, n).Format(time.DateOnly)
		deliverRetail(t, incoming, asOf)
		list := filepath.Join(t.TempDir(), "points")
		mainstay(t, append(env, fault.Variable+"=count:"+list), "run", "--project", project, "--data", quiet, "--as-of", asOf).published(t)
		text, err := os.ReadFile(list)
		if err != nil {
			t.Fatal(err)
		}
		at := 1 + dice.IntN(strings.Count(string(text), "\n"))
		if n > 0 || at > 1 {
			c := append(env, fault.Variable+"=kill:"+strconv.Itoa(at))
			if r := mainstay(t, c, "run", "--project", s.dir, "--data", crashed, "--as-of", asOf); r.code != -1 {
				t.Errorf("%s: the night was not killed at point %d: exit code %d", asOf, at, r.code)
			}
		}
		mainstay(t, env, "run", "--project", project, "--data", crashed, "--as-of", asOf).published(t)
		t.Logf("%s: killed at point %d of %d", asOf, at, strings.Count(string(text), "\n"))
	}
	for n := range 10 {
		asOf := from.AddDate(0, 0, n).Format(time.DateOnly)
		same(t, fmt.Sprintf("night %d, %s", n+1, asOf), files(t, quiet, asOf), files(t, crashed, asOf))
	}
	if a, b := query(t, quiet, truth), query(t, crashed, truth); a != b || query(t, quiet, "SELECT count(*) FROM churn_scores") == "0" {
		t.Errorf("the warehouses differ: %s, %s", a, b)
	}
	mainstay(t, nil, "repair", "--data", crashed).ok(t).has(t, "ledger   sound\n")
}

// deliverRetail copies the files of the days before a day that are not there yet.
func deliverRetail(t *testing.T, incoming, before string) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(onlineRetail, "*.csv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range found {
		to := filepath.Join(incoming, filepath.Base(path))
		if _, err := os.Stat(to); err != nil && filepath.Base(path) < before {
			copyTree(t, path, to)
		}
	}
}
