package jobs

import (
	"io/fs"
	"strings"
	"testing"

	sqlfiles "github.com/mainstay-etl/mainstay/sql"
	"github.com/mainstay-etl/mainstay/sql/cases"
)

// TestSQLCases runs the given-rows and expect-rows cases of the SQL models; see
// sql/testdata/cases/README.md for their form.
func TestSQLCases(t *testing.T) {
	t.Parallel()
	names, err := fs.Glob(sqlfiles.Cases(), "*"+cases.Ending)
	if err != nil || len(names) < 20 {
		t.Fatalf("only %d cases found (%v)", len(names), err)
	}
	p, err := BuiltIns(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(name, cases.Ending), func(t *testing.T) {
			t.Parallel()
			text, err := fs.ReadFile(sqlfiles.Cases(), name)
			if err != nil {
				t.Fatal(err)
			}
			c, err := cases.Parse("sql/testdata/cases/"+name, text)
			if err != nil {
				t.Fatal(err)
			}
			if err := p.CheckCase(c); err != nil {
				t.Fatal(err)
			}
			diff, err := p.RunCase(t.Context(), c, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range diff {
				t.Error(line)
			}
		})
	}
}
