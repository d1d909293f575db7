package jobs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/mainstay-etl/mainstay/pipeline/durable"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
)

// provePublished makes sure that a published table of an earlier night is what was
// published. A table that is not there any more is none to be proved, and neither is one of
// a night of before digests were recorded.
func provePublished(ctx context.Context, l *ledger.Ledger, dataDir string, n ledger.Night, table string) error {
	known, err := l.NightTables(ctx, n.ID)
	if err != nil {
		return err
	}
	for _, t := range known {
		if t.Name != table {
			continue
		}
		path := filepath.Join(dataDir, n.Directory, table+".parquet")
		sum, _, err := durable.Digest(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || sum != t.SHA256 {
			return errors.Join(err, fmt.Errorf("%s is damaged: it is not what night %d published. Bring the file back from a backup, or make that day anew: mainstay run --as-of %s", path, n.ID, n.AsOf))
		}
	}
	return nil
}
