package config

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite golden files")

// testEnv is the environment of the tests.
func testEnv(name string) (string, bool) {
	vars := map[string]string{
		"SET": "value", "EMPTY": "", "DAYS": "30", "DIR": "/srv/drop", "RELATIVE": "../drop",
		"EVIL": "x\nschedule: {cron: \"* * * * *\"} # ${SET}", "BAD_NUMBER": "many",
		"SHOP_URL": "postgres://reader:s3cret@db:5432/shop?sslmode=verify-full", "MYSQL_URL": "mysql://reader@db/shop",
		"PASSWORD": "s3cret", "HOOK": "https://hooks.example.com/s3cret", "HARD": "s3/c#r@et", "BAD_BYTES": "postgres://u:s3\xff@db/shop",
	}
	v, ok := vars[name]
	return v, ok
}

func mustParse(t testing.TB, src string) *Config {
	t.Helper()
	cfg, err := parse("mainstay.yaml", testRoots, []byte(src), testEnv)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// testRoots are where relative paths of the tests count from.
var testRoots = roots{project: "/shop[1]/project", working: "/work"}

// minimal is the shortest valid file.
const minimal = `name: shop
sources:
  - name: shop
    files: in/*.csv
    tables: {orders: {select: SELECT * FROM input}}
`

const separator = "----------\n"

// Each file holds a mainstay.yaml, a line of dashes, and the errors it gives.
func TestErrors(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/errors/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no golden files", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			input, want, _ := strings.Cut(string(content), separator)
			_, err = parse("mainstay.yaml", testRoots, []byte(input), testEnv)
			var list *Error
			if !errors.As(err, &list) {
				t.Fatalf("got %v, want an *Error", err)
			}
			got := list.Error() + "\n"
			if *update {
				if err := os.WriteFile(file, []byte(input+separator+got), 0o600); err != nil {
					t.Fatal(err)
				}
			} else if got != want {
				t.Errorf("got:\n%swant:\n%s", got, want)
			}
		})
	}
}

func TestMinimalHasAllDefaults(t *testing.T) {
	t.Parallel()
	got := mustParse(t, minimal)
	want := Default()
	want.Name, want.Data, want.Schedule.TimeZone = "shop", "/shop[1]/project/data", "UTC"
	want.Sources = []Source{{
		Name: "shop", Type: TypeFiles, TimeZone: "UTC",
		Tables: []Table{{Name: "orders", Select: "SELECT * FROM input"}},
		Files: FilesSource{Globs: []Glob{`/shop\[1]/project/in/*.csv`}, Format: FormatCSV,
			CSV: CSV{Delimiter: ",", Header: true, Quote: `"`, NullStrings: []string{""}}},
	}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got.Resources.Workers != runtime.GOMAXPROCS(0) {
		t.Errorf("workers %d", got.Resources.Workers)
	}
}

func TestEveryKeyIsRead(t *testing.T) {
	t.Parallel()
	got := mustParse(t, `# every key, none at its default
name: online-retail
data: ${DIR}/out
time_zone: Europe/London
sources:
  - name: shop
    type: files
    files: ["a/*.txt", "${RELATIVE}/*.txt", "${NOT_SET:-b}/*.txt", '/abs/*.txt']
    format: csv
    csv: {delimiter: "\t", header: false, quote: "", null_strings: [NULL, "", 7]}
    time_zone: Asia/Kolkata
    tables:
      orders:
        select: |
          SELECT '$$1' AS a, '\.0$' AS b
          FROM input;
      interactions: {select: "SELECT '${SET}' FROM input"}
history: {lookback_days: 100, horizon_days: "${DAYS}", min_days: 45, max_cutoffs: 12}
cross_sell: {categories: 12}
margin: {default_rate: 0.25}
risk_bands: {high: 0.8, medium: 5e-1}
models:
  seed: 42
  churn: {trees: 10, max_depth: 3, min_leaf: 1, max_rows: 1000}
  cross_sell: {trees: 11, max_depth: 4, min_leaf: 2, max_rows: 2000}
  max_auc: 0.9
quality: {max_quarantined_share: 0.01}
schedule: {name: weekdays, cron: "30 1 * * mon-fri", time_zone: Australia/Lord_Howe, run: retrain, overlap: skip, jitter: 10m, catch_up: 3}
resources: {workers: 3, memory: 1.5 GiB, disk: 3 GiB, grace: 1m30s}
jobs: {retries: 5, backoff: 1m, timeout: 2h, slow_factor: 1.5, slow_after: 5m, tables: {churn_model: {timeout: 3h}, orders: {retries: 0}}}
retention: {nights: 30, snapshots: 0, models: 5, quarantine_days: 60, lake_days: 1000}
`)
	want := &Config{
		Name: "online-retail", Data: "/srv/drop/out", TimeZone: "Europe/London",
		Sources: []Source{{
			Name: "shop", Type: TypeFiles, TimeZone: "Asia/Kolkata",
			Tables: []Table{
				{Name: "interactions", Select: "SELECT 'value' FROM input"},
				{Name: "orders", Select: "SELECT '$1' AS a, '\\.0$' AS b\nFROM input"},
			},
			Files: FilesSource{Globs: []Glob{`/shop\[1]/project/a/*.txt`, "/drop/*.txt", `/shop\[1]/project/b/*.txt`, "/abs/*.txt"}, Format: FormatCSV,
				CSV: CSV{Delimiter: "\t", NullStrings: []string{"NULL", "", "7"}}},
		}},
		History: History{100, 30, 45, 12}, CrossSell: CrossSell{12}, Margin: Margin{0.25}, RiskBands: RiskBands{0.8, 0.5},
		Mining:   defaultMining(), // see TestMiningIsRead
		Models:   Models{42, Forest{10, 3, 1, 1000}, Forest{11, 4, 2, 2000}, 0.9, 5},
		Quality:  Quality{0.01, 0.5, true},
		Schedule: Schedule{"weekdays", "30 1 * * mon-fri", "Australia/Lord_Howe", "retrain", "skip", Duration(10 * time.Minute), 3}, Resources: Resources{3, 3 << 29, 3 << 30, Duration(90 * time.Second)},
		Jobs:   Jobs{5, Duration(time.Minute), Duration(2 * time.Hour), 1.5, Duration(5 * time.Minute), []JobLimits{{"churn_model", -1, Duration(3 * time.Hour)}, {"orders", 0, 0}}},
		Notify: defaultNotify(), Log: Default().Log, Lineage: Default().Lineage, Publish: defaultPublish(), // see TestTellingIsRead
		Retention: Retention{30, 0, 5, 60, 1000},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if !reflect.DeepEqual(got.Sources[0].Files.Patterns(), []string{`/shop\[1]/project/a/*.txt`, "/drop/*.txt", `/shop\[1]/project/b/*.txt`, "/abs/*.txt"}) {
		t.Errorf("patterns %v", got.Sources[0].Files.Patterns())
	}
	if plans, err := got.Plans(); err != nil || len(plans) != 1 || got.Location().String() != "Europe/London" {
		t.Errorf("plans: %v, %v, zone %s", plans, err, got.Location())
	}
}

func TestExpansionCannotInjectStructure(t *testing.T) {
	t.Parallel()
	cfg := mustParse(t, strings.Replace(minimal, "SELECT * FROM input", `"${EVIL}"`, 1))
	evil, _ := testEnv("EVIL")
	if got := cfg.Sources[0].Tables[0].Select; got != evil {
		t.Errorf("got %q, want it as it is: %q", got, evil)
	}
	if cfg.Schedule.Cron != "0 2 * * *" {
		t.Errorf("the environment set the schedule: %q", cfg.Schedule.Cron)
	}
}

func TestLoadResolvesPaths(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, FileName), []byte("\ufeff"+strings.ReplaceAll(minimal, "\n", "\r\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := Load(dir, testEnv)
	if err != nil {
		t.Fatal(err)
	}
	if want := Path(filepath.Join(dir, "data")); cfg.Data != want {
		t.Errorf("data %q, want %q", cfg.Data, want)
	}
	if cfg.ProjectDir != dir {
		t.Errorf("project %q, want %q", cfg.ProjectDir, dir)
	}
	if want := filepath.Join(dir, "in", "*.csv"); cfg.Sources[0].Files.Patterns()[0] != want {
		t.Errorf("files %q, want %q", cfg.Sources[0].Files.Patterns()[0], want)
	}
}

func TestLoadWithoutAFile(t *testing.T) {
	t.Parallel()
	_, err := Load(t.TempDir(), testEnv)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{"mainstay init", "--project", FileName} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not mention %s", err, want)
		}
	}
}

func TestTooLarge(t *testing.T) {
	t.Parallel()
	_, err := parse("mainstay.yaml", testRoots, make([]byte, maxSize+1), testEnv)
	if err == nil || !strings.Contains(err.Error(), "mainstay.yaml:1:1: the file is larger") {
		t.Errorf("got %v", err)
	}
}

// Any bytes give a configuration or an *Error whose places lie in the file.
func FuzzParse(f *testing.F) {
	f.Add(minimal)
	files, _ := filepath.Glob("testdata/errors/*.txt")
	for _, file := range files {
		if content, err := os.ReadFile(file); err == nil {
			input, _, _ := strings.Cut(string(content), separator)
			f.Add(input)
		}
	}
	f.Fuzz(func(t *testing.T, src string) {
		if len(src) > 4096 {
			t.Skip("long inputs only cost time")
		}
		cfg, err := parse("mainstay.yaml", testRoots, []byte(src), testEnv)
		var list *Error
		switch {
		case err == nil:
			_ = cfg.Fingerprint()
		case !errors.As(err, &list) || len(list.Problems) == 0:
			t.Fatalf("got %v, want an *Error", err)
		default:
			for _, p := range list.Problems {
				if p.Line < 1 || p.Column < 1 || p.Message == "" {
					t.Errorf("problem without place or message: %+v", p)
				}
			}
		}
	})
}

func TestExamples(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../examples/*/" + FileName)
	if err != nil || len(files) == 0 {
		t.Fatal("no examples", err)
	}
	for _, file := range files {
		anything := func(string) (string, bool) { return "/somewhere", true }
		if _, err := Load(filepath.Dir(file), anything); err != nil {
			t.Error(err)
		}
	}
	_, err = Load("../../examples/online-retail", testEnv)
	want := filepath.Join("..", "..", "examples", "online-retail", FileName) + ":9:12: sources[0].files: the environment variable ONLINE_RETAIL_DIR is not set"
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v\nwant %s", err, want)
	}
}
