package lake

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/source"
)

// ExtractOptions say for which night an extraction runs.
type ExtractOptions struct {
	AsOf     string // YYYY-MM-DD
	Night    int64
	Scratch  string // empty directory on the data directory's file system
	Session  duck.Options
	Progress func(done, total int, input string) // may be nil
	// MaxQuarantined is the share of the rows read (0 to 1) above which nothing of the
	// extraction is kept: the mapping or the source is broken.
	MaxQuarantined float64
}

// Extract takes what is new or changed in a source into the lake, as one batch. When
// nothing is new the returned batch has no inputs and nothing was written.
func Extract(ctx context.Context, l *Lake, src source.Source, o ExtractOptions) (ledger.Batch, error) {
	current, err := l.Ledger.Inputs(ctx, src.Name())
	if err != nil {
		return ledger.Batch{}, err
	}
	byName := map[string]ledger.Input{}
	for _, in := range current {
		byName[in.Name] = in
	}
	fresh, err := src.Inputs(ctx, func(name string) (source.Input, bool) {
		in, ok := byName[name]
		return source.Input{Name: in.Name, Version: in.Version, Size: in.Size, ModifiedAt: in.ModifiedAt}, ok
	})
	if err != nil || len(fresh) == 0 {
		return ledger.Batch{}, err
	}
	batchID, inputID, err := l.Ledger.NextIDs(ctx)
	if err != nil {
		return ledger.Batch{}, err
	}
	x := Extraction{Source: src.Name(), TimeZone: src.TimeZone(), AsOf: o.AsOf, Night: o.Night, Batch: batchID, Scratch: filepath.Join(o.Scratch, "ingest"), Session: o.Session, MaxQuarantined: o.MaxQuarantined}
	for i, in := range fresh {
		dir := filepath.Join(o.Scratch, fmt.Sprintf("landing-%06d", i))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return ledger.Batch{}, fmt.Errorf("creating landing directory: %w", err)
		}
		if o.Progress != nil {
			o.Progress(i, len(fresh), filepath.Base(in.Name))
		}
		landed, err := src.Land(ctx, in, dir)
		if err != nil {
			return ledger.Batch{}, err
		}
		x.Landings = append(x.Landings, Landing{
			Input:  ledger.Input{ID: inputID + int64(i), Source: src.Name(), Name: in.Name, Version: in.Version, Size: in.Size, ModifiedAt: in.ModifiedAt, Rows: landed.Records},
			Landed: landed,
		})
		if old, ok := byName[in.Name]; ok {
			x.Replaces = append(x.Replaces, old.ID)
		}
	}
	if o.Progress != nil {
		o.Progress(len(fresh), len(fresh), "storing")
	}
	return l.Ingest(ctx, x)
}
