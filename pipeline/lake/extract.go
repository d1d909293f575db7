package lake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/mainstay-etl/mainstay/pipeline/contract"
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
	Progress func(done, total int, step string) // may be nil
	// MaxQuarantined is the share of the rows read (0 to 1) above which the extraction
	// stops: the mapping or the source is broken.
	MaxQuarantined float64
	// MaxDeleted is the share of a table's rows (0 to 1) above which rows that are gone
	// from a database stop the extraction, when they are more than a hundred.
	MaxDeleted float64
	// Refused, when it is not nil, makes the extraction read again what these refused
	// rows came from.
	Refused *RefusedFilter
}

// Extracted is what an extraction committed.
type Extracted struct {
	Batch        int64 // the last one; 0 when nothing was new
	Tried        int64 // refused rows that were read again on purpose
	Inputs       int
	Accounts     []ledger.Account
	Certificates []ledger.Certificate
	Warnings     []string
}

// A batch is committed when it holds this much, so that an interrupted extraction has
// little to do again. Rows of a database are judged in bounded memory.
const (
	groupRows, groupBytes     = 2_000_000, 512 << 20
	dbGroupRows, dbGroupBytes = 250_000, 32 << 20
)

// dbMemory limits DuckDB while rows of a database are stored and compared: what does
// not fit goes to the scratch directory. Rows that are so long that it cannot work with
// that are stored with the next limit.
var dbMemory = []string{"48MB", "96MB", "256MB", "1GB", ""}

// Extract takes what is new or changed in a source into the lake, batch by batch, and
// proves that the lake then holds what the source holds, where the source can tell.
// After an error the batches before it stay and the next extraction goes on there.
func Extract(ctx context.Context, l *Lake, src source.Source, o ExtractOptions) (out Extracted, err error) {
	x := &extraction{Lake: l, o: o, source: src.Name(), zone: src.TimeZone(), shared: map[string]int64{}}
	known, err := x.known(ctx)
	if err != nil {
		return out, err
	}
	reader, err := src.Read(ctx, known)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	if v, ok := reader.(source.Verifier); ok && o.Refused != nil {
		err := x.tryAgain(ctx, v)
		return x.out, err
	}
	if err := x.readAll(ctx, reader); err != nil {
		return x.out, err
	}
	if v, ok := reader.(source.Verifier); ok {
		if err := x.verifyAll(ctx, v); err != nil {
			return x.out, err
		}
	}
	x.out.Warnings = append(append(x.out.Warnings, reader.Warnings()...), x.sharedWarnings()...)
	return x.out, nil
}

// extraction is one pass over one source.
type extraction struct {
	*Lake
	o            ExtractOptions
	source, zone string
	inputs       map[string]ledger.Input // current, by name
	again        map[int64]bool          // inputs to read although they are known
	group        []source.Landed         // landed and not committed
	rows, bytes  int64                   // of the group
	read, bad    int64                   // rows of all batches so far
	shared       map[string]int64        // keys of the contract that several rows have, by table
	verified     map[string]string       // states of tables whose certificate matches
	steps        int
	limit        int // which of dbMemory
	out          Extracted
}

// withMemory does work in as little memory as it needs: f may be called again.
func (x *extraction) withMemory(f func() error) error {
	for {
		err := f()
		if err == nil || !duck.IsOutOfMemory(err) || x.limit+1 == len(dbMemory) {
			return err
		}
		x.limit++
	}
}

func (x *extraction) known(ctx context.Context) (source.Known, error) {
	current, err := x.Ledger.Inputs(ctx, x.source)
	if err != nil {
		return source.Known{}, err
	}
	x.inputs = map[string]ledger.Input{}
	for _, in := range current {
		x.inputs[in.Name] = in
	}
	if x.o.Refused != nil {
		if err := x.findRefused(ctx); err != nil {
			return source.Known{}, err
		}
	}
	states, err := x.Ledger.States(ctx, x.source)
	if err != nil {
		return source.Known{}, err
	}
	return source.Known{
		AsOf:  x.o.AsOf,
		State: func(table string) string { return states[table] },
		Input: func(name string) (source.Input, bool) {
			in, ok := x.inputs[name]
			if ok && x.again[in.ID] {
				return source.Input{}, false
			}
			return source.Input{Name: in.Name, Version: in.Version, Size: in.Size, ModifiedAt: in.ModifiedAt}, ok
		},
	}, nil
}

// step is what one step of a reader gave.
type step struct {
	source.Landed
	err error
}

// readAll lands one input while the one before is stored.
func (x *extraction) readAll(ctx context.Context, r source.Reader) error {
	ctx, cancel := context.WithCancel(ctx)
	steps := make(chan step)
	go x.land(ctx, r, steps)
	defer func() { // the reader is in use until its goroutine has ended
		cancel()
		for range steps {
		}
	}()
	for s := range steps {
		if s.err != nil {
			if ctx.Err() != nil {
				return s.err // stopped, perhaps because another night took over: commit nothing
			}
			// What landed before is whole: the next extraction need not read it again.
			return errors.Join(s.err, x.commit(ctx))
		}
		x.progress(r)
		x.group = append(x.group, s.Landed)
		x.rows, x.bytes = x.rows+s.Records, x.bytes+s.Bytes
		rows, bytes := int64(groupRows), int64(groupBytes)
		if s.Mode != source.Replace {
			rows, bytes = dbGroupRows, dbGroupBytes
		}
		if x.rows >= rows || x.bytes >= bytes {
			if err := x.commit(ctx); err != nil {
				return err
			}
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return x.commit(ctx)
}

// land runs in a goroutine of its own.
func (x *extraction) land(ctx context.Context, r source.Reader, steps chan<- step) {
	defer close(steps)
	for n := 0; ; n++ {
		dir := filepath.Join(x.o.Scratch, fmt.Sprintf("landing-%06d", n))
		l, err := x.landOne(ctx, r, dir)
		if errors.Is(err, io.EOF) {
			return
		}
		select {
		case steps <- step{l, err}:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

func (x *extraction) landOne(ctx context.Context, r source.Reader, dir string) (source.Landed, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return source.Landed{}, fmt.Errorf("creating landing directory: %w", err)
	}
	return r.Next(ctx, dir)
}

func (x *extraction) progress(r source.Reader) {
	if x.o.Progress != nil {
		done, total, unit := r.Progress()
		x.o.Progress(int(done), int(max(total, done)), unit)
	}
}

// commit stores the group as one batch.
func (x *extraction) commit(ctx context.Context) error {
	if len(x.group) == 0 {
		return nil
	}
	group := x.group
	x.group, x.rows, x.bytes = nil, 0, 0
	if err := x.store(ctx, group); err != nil {
		return err
	}
	for _, ld := range group {
		for _, path := range ld.Tables {
			if err := os.RemoveAll(filepath.Dir(path)); err != nil {
				return fmt.Errorf("removing landing files: %w", err)
			}
		}
	}
	return nil
}

// store judges landings and commits them.
func (x *extraction) store(ctx context.Context, group []source.Landed) error {
	batch, inputID, err := x.Ledger.NextIDs(ctx)
	if err != nil {
		return err
	}
	x.steps++
	b := Extraction{Source: x.source, TimeZone: x.zone, AsOf: x.o.AsOf, Night: x.o.Night, Batch: batch, Session: x.o.Session,
		Scratch: filepath.Join(x.o.Scratch, fmt.Sprintf("ingest-%06d", x.steps)), accept: x.accept}
	for i, ld := range group {
		in := ledger.Input{ID: inputID + int64(i), Source: x.source, Name: ld.Input.Name, Version: ld.Input.Version, Size: ld.Input.Size, ModifiedAt: ld.Input.ModifiedAt, Rows: ld.Records}
		if old, ok := x.inputs[in.Name]; ok {
			b.Replaces = append(b.Replaces, old.ID)
		}
		x.inputs[in.Name] = in
		b.Landings = append(b.Landings, Landing{Input: in, Landed: ld})
	}
	var done ledger.Batch
	err = x.withMemory(func() (err error) {
		b.memoryLimit = dbMemory[x.limit]
		if err := os.RemoveAll(b.Scratch); err != nil {
			return err
		}
		done, err = x.Ingest(ctx, b)
		return err
	})
	if err != nil {
		return err
	}
	x.out.Batch, x.out.Inputs = batch, x.out.Inputs+len(group)
	x.noteShared(group, done)
	x.out.Accounts = append(x.out.Accounts, done.Accounts...)
	return os.RemoveAll(b.Scratch)
}

// noteShared counts rows that were never read before and yet have the contract's key of
// another row: readers see only one of them.
func (x *extraction) noteShared(group []source.Landed, done ledger.Batch) {
	for _, ld := range group {
		if ld.Mode != source.Append {
			return
		}
	}
	for table, n := range done.RepeatedKeys {
		if n > 0 {
			x.shared[table] += n
		}
	}
}

// sharedWarnings say what noteShared has found.
func (x *extraction) sharedWarnings() []string {
	var out []string
	for _, t := range contract.Tables() {
		if n := x.shared[t.Name]; n > 0 {
			out = append(out, fmt.Sprintf("source %s: %d keys (%s) of %s belong to several rows of the source, of which readers see one: map columns that tell the rows apart", x.source, n, strings.Join(t.Key, ", "), t.Name))
		}
	}
	return out
}

// accept refuses a batch when too much of the extraction, this batch included, would
// go to quarantine.
func (x *extraction) accept(batch ledger.Batch) error {
	if x.o.Refused != nil {
		return nil // these were refused before
	}
	var worst []string
	for _, a := range batch.Accounts {
		x.read, x.bad = x.read+a.Read, x.bad+a.Quarantined
		if a.Quarantined > 0 && len(worst) < 3 {
			worst = append(worst, fmt.Sprintf("%d of %d of %s for %s", a.Quarantined, a.Read, a.Input.Name, a.Table))
		}
	}
	if x.read > 0 && float64(x.bad) > x.o.MaxQuarantined*float64(x.read) {
		return fmt.Errorf("source %s: %d of %d rows read would go to quarantine (%s), more than the share %v that quality.max_quarantined_share allows: these rows are not kept. To see why they are refused, raise the share, run `mainstay extract`, then `mainstay quarantine list`", x.source, x.bad, x.read, strings.Join(worst, ", "), x.o.MaxQuarantined)
	}
	return nil
}
