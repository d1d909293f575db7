package jobs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/warehouse"
)

// lookAtPublished looks at the tables that days show, and at the warehouse.
func (r *Repair) lookAtPublished(ctx context.Context, l *ledger.Ledger, dataDir string) error {
	nights, err := l.PublishedNights(ctx)
	if err != nil {
		return err
	}
	retired, err := l.RetiredNights(ctx)
	if err != nil {
		return err
	}
	for _, n := range nights {
		tables, err := l.NightTables(ctx, n.ID)
		if err != nil {
			return err
		}
		_, let := retired[n.ID]
		if _, err := os.Stat(filepath.Join(dataDir, n.Directory)); errors.Is(err, fs.ErrNotExist) {
			// Of a night that was let go, tables are listed that later nights read.
			if !let || len(tables) > 0 {
				r.Published = append(r.Published, fmt.Sprintf("%s (%d tables of night %d)", n.Directory, len(tables), n.ID))
			}
			continue
		}
		for _, t := range tables {
			path := filepath.Join(n.Directory, t.Name+".parquet")
			ok, err := r.same(filepath.Join(dataDir, path), t.SHA256, 0)
			if err != nil {
				return err
			}
			if !ok {
				r.Published = append(r.Published, path)
			}
		}
	}
	return r.lookAtWarehouse(ctx, l, dataDir)
}

// lookAtWarehouse looks at the warehouse: at its digest, or, where a night was brought back
// by a mainstay that did not keep it, at its tables and their rows.
func (r *Repair) lookAtWarehouse(ctx context.Context, l *ledger.Ledger, dataDir string) error {
	night, file, ok, err := l.ShownWarehouse(ctx)
	if err != nil || !ok {
		return err
	}
	wrong := ""
	if file.SHA256 != "" {
		same, err := r.same(filepath.Join(dataDir, warehouse.FileName), file.SHA256, 0)
		if err != nil {
			return err
		}
		if !same {
			wrong = "it is not what was published"
		}
	} else if tables, err := l.NightTables(ctx, night.ID); err != nil {
		return err
	} else if err := hasTables(ctx, dataDir, tables); err != nil {
		wrong = err.Error()
	}
	if wrong != "" {
		r.Published = append(r.Published, fmt.Sprintf("%s (should show night %d, %s: %s)", warehouse.FileName, night.ID, night.AsOf, wrong))
	}
	return ctx.Err()
}

// hasTables is an error unless the warehouse has tables with their rows.
func hasTables(ctx context.Context, dataDir string, tables []ledger.NightTable) (err error) {
	s, err := warehouse.Open(ctx, dataDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	for _, t := range tables {
		var rows int64
		if err := s.Scan(ctx, "SELECT count(*) FROM "+duck.Ident(t.Name), &rows); err != nil {
			return err
		}
		if rows != t.Rows {
			return fmt.Errorf("table %s has %d rows, not %d", t.Name, rows, t.Rows)
		}
	}
	return nil
}
