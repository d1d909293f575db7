package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/jobs"
	"github.com/mainstay-etl/mainstay/pipeline/scaffold"
)

// What --master-data writes is read by the sources that it prints, and by a project that
// the demo made.
func TestMasterData(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := scaffold.Write(filepath.Join(dir, "shop")); err != nil {
		t.Fatal(err)
	}
	project := filepath.Join(dir, "shop")
	var out bytes.Buffer
	c := newGenerateCommand()
	c.SetArgs([]string{"--dir", filepath.Join(project, "incoming"), "--customers", "40", "--start", "2024-01-01", "--end", "2024-03-01", "--master-data"})
	c.SetOut(&out)
	if err := c.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "\nMaster data in ") || !strings.HasSuffix(out.String(), "below sources:\n\n"+masterSources) {
		t.Errorf("got %s", out.String())
	}
	for range 2 { // the second demo in a folder finds them there
		if err := addMasterSources(project); err != nil {
			t.Fatal(err)
		}
	}
	p, err := jobs.LoadForExtraction(project, "")
	if err != nil {
		t.Fatal(err)
	}
	found, err := p.CheckSources(t.Context())
	if err != nil || len(found) != 5 {
		t.Fatalf("%d sources, %v", len(found), err)
	}
	for _, f := range found {
		if f.Inputs == 0 || len(f.Missing) > 0 || len(f.Tables) > 0 {
			t.Errorf("%s: %+v", f.Source, f.Report)
		}
	}
	if err := os.WriteFile(filepath.Join(project, "mainstay.yaml"), []byte("name: shop\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := addMasterSources(project); err == nil {
		t.Error("a project without sources was taken")
	}
}
