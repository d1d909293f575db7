package jobs

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/mainstay-etl/mainstay/pipeline/duck"
	sqlfiles "github.com/mainstay-etl/mainstay/sql"
)

// A feature table has the same bytes whether it is joined at once or step by step.
func TestFeaturesInSteps(t *testing.T) {
	t.Parallel()
	ctx, dir := t.Context(), t.TempDir()
	for name, rows := range map[string]int{"none": 0, "one": 1, "fewer than parts": 7, "many": 5000} {
		for _, f := range featureTables {
			d, err := duck.Open(ctx, duck.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			s, keys := &session{Session: d}, "'c''' || (i * 7919 % 10007) AS customer_id"
			if len(f.key) == 2 {
				keys = "'c''' || (i // 3 * 7919 % 10007) AS customer_id, 'cat ' || i % 3 AS category"
			}
			statements := []string{
				"CREATE MACRO as_of() AS DATE '2024-03-01'",
				fmt.Sprintf("CREATE TEMP TABLE %s AS SELECT %s FROM range(%d) AS t(i)", f.base, keys, rows),
			}
			var files []featureFile
			for n := range 2*filesAStep + 1 {
				model := fmt.Sprintf("file_%d", n)
				statements = append(statements, fmt.Sprintf("CREATE TEMP TABLE %s AS SELECT %s, i * 0.5 AS a_%d, 'text ' || i AS b_%d FROM range(%d) AS t(i) WHERE i %% %d <> 1", model, keys, n, n, rows, n+2))
				files = append(files, featureFile{model: sqlfiles.Model{Name: model}, columns: []duck.Column{{Name: fmt.Sprintf("a_%d", n)}, {Name: fmt.Sprintf("b_%d", n)}}})
			}
			for _, statement := range statements {
				if err := d.Exec(ctx, statement); err != nil {
					t.Fatal(err)
				}
			}
			once, steps := filepath.Join(dir, "once"), filepath.Join(dir, "steps")
			if _, err := s.WriteParquet(ctx, assembleSQL(f, files), once); err != nil {
				t.Fatal(err)
			}
			got, err := writeInSteps(ctx, s, f, files, steps)
			if err != nil || got != int64(rows) {
				t.Fatalf("%s, %s: %d rows, %v", f.name, name, got, err)
			}
			a, err := os.ReadFile(once)
			if err != nil {
				t.Fatal(err)
			}
			if z, err := os.ReadFile(steps); err != nil || !bytes.Equal(a, z) {
				t.Errorf("%s, %s: other bytes step by step than at once (%v)", f.name, name, err)
			}
		}
	}
}
