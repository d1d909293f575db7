package scaffold

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/mainstay-etl/mainstay/pipeline/config"
)

func noEnv(string) (string, bool) { return "", false }

// project writes a project into a folder of that name.
func project(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	if _, err := Write(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestWriteListsTheFiles(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new", "shop")
	got, err := Write(dir)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	want := []string{".gitignore", "README.md", "mainstay.yaml",
		filepath.Join("sql", "features", "example_evening_orders.sql"), filepath.Join("sql", "features", "example_evening_orders.yml")}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, name := range got {
		read(t, filepath.Join(dir, name))
	}
	if ignored := read(t, filepath.Join(dir, ".gitignore")); !strings.Contains(ignored, "data/\n") {
		t.Errorf(".gitignore: %q", ignored)
	}
}

// What the project writes out are the defaults, so that reading it teaches them.
func TestProjectLoadsWithAllDefaults(t *testing.T) {
	t.Parallel()
	dir := project(t, "Corner Shop")
	got, err := config.Load(dir, noEnv)
	if err != nil {
		t.Fatal(err)
	}
	if got.Name != "corner-shop" || got.Data != config.Path(filepath.Join(dir, "data")) {
		t.Errorf("name %q, data %q", got.Name, got.Data)
	}
	want := config.Default()
	want.Name, want.ProjectDir, want.Data, want.Sources = got.Name, got.ProjectDir, got.Data, got.Sources
	want.Schedule.TimeZone = want.TimeZone
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// The sources read the layout that `mainstay generate --dir incoming` writes.
func TestProjectReadsIncoming(t *testing.T) {
	t.Parallel()
	dir := project(t, "shop")
	cfg, err := config.Load(dir, noEnv)
	if err != nil {
		t.Fatal(err)
	}
	for i, table := range []string{"orders", "interactions"} {
		s := cfg.Sources[i]
		if len(s.Tables) != 1 || s.Tables[0].Name != table || s.Files.Format != config.FormatCSV {
			t.Errorf("source %s: %+v", s.Name, s)
		}
		if want := []string{filepath.Join(dir, "incoming", table, "*.csv")}; !reflect.DeepEqual(s.Files.Patterns(), want) {
			t.Errorf("files %q, want %q", s.Files.Patterns(), want)
		}
	}
	if !reflect.DeepEqual(cfg.Sources[0].Files.CSV, cfg.Sources[1].Files.CSV) {
		t.Error("the dialect that is written out is not the default")
	}
}

func TestProjectNamesEveryKey(t *testing.T) {
	t.Parallel()
	text := read(t, filepath.Join(project(t, "shop"), config.FileName))
	for _, path := range config.Keys() {
		key := path[strings.LastIndex(path, ".")+1:]
		if key != "*" && !strings.Contains(text, key+":") {
			t.Errorf("mainstay.yaml does not show %s", path)
		}
	}
}

// Taking the # off the lines that only show a default gives a valid file too.
func TestCommentedKeysAreValid(t *testing.T) {
	t.Parallel()
	dir := project(t, "shop")
	file := filepath.Join(dir, config.FileName)
	text := read(t, file)
	for _, key := range []string{"time_zone:", "workers:", "memory:"} {
		if !strings.Contains(text, "# "+key) {
			t.Errorf("no commented %s", key)
		}
		text = strings.ReplaceAll(text, "# "+key, key)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(dir, noEnv)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Resources.Workers != 2 || cfg.Resources.Memory != 2e9 {
		t.Errorf("resources %+v", cfg.Resources)
	}
}

// So does what is told to whom, with everything from the environment.
func TestCommentedTellingIsValid(t *testing.T) {
	t.Parallel()
	dir := project(t, "shop")
	file := filepath.Join(dir, config.FileName)
	lines := strings.Split(read(t, file), "\n")
	for i, line := range lines {
		if rest, ok := strings.CutPrefix(line, "#"); ok && rest != "" && !strings.HasPrefix(rest, " ") || strings.HasPrefix(line, "#  ") {
			lines[i] = rest
		}
	}
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(dir, func(name string) (string, bool) {
		if name == "MAINSTAY_CRM_URL" {
			return "postgres://crm:hunter2@localhost/crm", true
		}
		return "https://localhost/" + name, true
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Notify.Channels) != 3 || !cfg.Notify.Ping.Fail || cfg.Metrics.Listen != ":9187" || cfg.Lineage.URL == "" || cfg.Publish.Postgres.URL == "" {
		t.Errorf("got %+v", cfg.Notify)
	}
	defaults := config.Default()
	if cfg.Notify.Timeout != defaults.Notify.Timeout || cfg.Notify.Runbook != defaults.Notify.Runbook || cfg.Log != defaults.Log || cfg.Lineage.Timeout != defaults.Lineage.Timeout {
		t.Error("a default that is written out is not the default")
	}
	if p := cfg.Publish.Postgres; p.Schema != defaults.Publish.Postgres.Schema || p.LockTimeout != defaults.Publish.Postgres.LockTimeout || p.Timeout != defaults.Publish.Postgres.Timeout {
		t.Error("a default of publish that is written out is not the default")
	}
}

// So does the database, which shows its defaults as well.
func TestCommentedDatabaseIsValid(t *testing.T) {
	t.Parallel()
	dir := project(t, "shop")
	file := filepath.Join(dir, config.FileName)
	text := strings.NewReplacer("\n  #- ", "\n  - ", "\n  #  ", "\n    ").Replace(read(t, file))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(dir, func(string) (string, bool) { return "postgres://reader@db/shop", true })
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Sources) != 3 {
		t.Fatalf("%d sources", len(cfg.Sources))
	}
	short := "name: shop\nsources: [{name: shop_db, type: postgres, url: 'postgres://reader@db/shop', tables: {orders: {select: S, key: id}}}]\n"
	if err := os.WriteFile(file, []byte(short), 0o600); err != nil {
		t.Fatal(err)
	}
	defaults, err := config.Load(dir, noEnv)
	if err != nil {
		t.Fatal(err)
	}
	got, want := cfg.Sources[2].Database, defaults.Sources[0].Database
	want.PasswordFile = got.PasswordFile
	if got != want {
		t.Errorf("got %+v, want the defaults %+v", got, want)
	}
}

func TestExampleHasItsSidecar(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(project(t, "shop"), "sql", "features")
	var sidecar struct {
		Grain   string
		Key     []string
		Columns map[string]struct{ Meaning string }
	}
	if err := yaml.Unmarshal([]byte(read(t, filepath.Join(dir, "example_evening_orders.yml"))), &sidecar); err != nil {
		t.Fatal(err)
	}
	sql := read(t, filepath.Join(dir, "example_evening_orders.sql"))
	for column, about := range sidecar.Columns {
		if about.Meaning == "" || !strings.Contains(sql, column) {
			t.Errorf("column %s: no meaning, or not in the SQL", column)
		}
	}
	if sidecar.Grain == "" || len(sidecar.Key) == 0 || len(sidecar.Columns) == 0 {
		t.Errorf("sidecar %+v", sidecar)
	}
}

func TestWriteNeverOverwrites(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mine := filepath.Join(dir, "README.md")
	if err := os.WriteFile(mine, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Write(dir)
	if !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), "README.md") {
		t.Fatalf("got %v", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || read(t, mine) != "mine" {
		t.Errorf("the folder was changed: %v %v", entries, err)
	}
}

func TestWriteDraft(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "shop")
	names, err := WriteDraft(dir, "name: drafted\n")
	if err != nil {
		t.Fatal(err)
	}
	if slices.Contains(names, databaseReadme) || len(names) != 5 || read(t, filepath.Join(dir, config.FileName)) != "name: drafted\n" {
		t.Errorf("wrote %q", names)
	}
	if readme := read(t, filepath.Join(dir, "README.md")); !strings.HasPrefix(readme, "# shop\n") || !strings.Contains(readme, "mainstay check") || strings.Contains(readme, "generate") {
		t.Errorf("README.md: %s", readme)
	}
}

func TestProjectName(t *testing.T) {
	t.Parallel()
	for dir, want := range map[string]string{
		"shop": "shop", "/a/Corner Shop!": "corner-shop", "2024": templateName, "/": templateName, "über": "ber", "a_b": "a_b",
	} {
		if got, err := ProjectName(dir); err != nil || got != want {
			t.Errorf("ProjectName(%q) = %q, %v; want %q", dir, got, err, want)
		}
	}
}
