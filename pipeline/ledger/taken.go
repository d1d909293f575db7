package ledger

import (
	"context"
	"database/sql"
)

// RowsTaken is what became of the rows that some nights took from a source for a table.
type RowsTaken struct {
	Source, Table                         string
	Read, Stored, Duplicates, Quarantined int64
	Forgotten                             int64 // left out
}

// RowsTaken sums the row accounts of the nights (and extractions) after one and through
// another, by source and table.
func (l *Ledger) RowsTaken(ctx context.Context, after, through int64) ([]RowsTaken, error) {
	return collect(ctx, l, `SELECT i.source, r.tbl, sum(r.read), sum(r.stored), sum(r.duplicates), sum(r.quarantined), sum(r.forgotten)
FROM row_accounts r JOIN inputs i ON i.id = r.input JOIN batches b ON b.id = i.batch WHERE b.night > ? AND b.night <= ? GROUP BY 1, 2 ORDER BY 1, 2`, []any{after, through}, func(r *sql.Rows) (RowsTaken, error) {
		var t RowsTaken
		err := r.Scan(&t.Source, &t.Table, &t.Read, &t.Stored, &t.Duplicates, &t.Quarantined, &t.Forgotten)
		return t, err
	})
}
