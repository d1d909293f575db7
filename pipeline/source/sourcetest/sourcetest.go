// Package sourcetest checks that a source keeps the contract of source.Source. A
// source's own test hands Run a factory and is done with the contract; what is
// particular to the source is for its other tests.
package sourcetest

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/contract"
	"github.com/mainstay-etl/mainstay/pipeline/source"
)

// Factory opens the source under test. Run calls it many times, from several
// goroutines: every source that it gives must see the same inputs, at least two, with
// at least one record among them.
type Factory func(t testing.TB) source.Source

// Run checks every clause of the contract.
func Run(t *testing.T, open Factory) {
	for name, check := range map[string]func(*bundle){
		"identity":          identity,
		"inputs listed":     inputsListed,
		"known inputs":      knownInputs,
		"landing files":     landingFiles,
		"landing again":     landingAgain,
		"canceled":          canceled,
		"an input gone":     inputGone,
		"inputs in between": inputsBetween,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &bundle{T: t, ctx: t.Context(), open: open}
			b.src = b.source()
			check(b)
		})
	}
}

// bundle is a source of the check's own.
type bundle struct {
	*testing.T
	ctx  context.Context
	open Factory
	src  source.Source
}

// source opens one more source and closes it when the check ends.
func (b *bundle) source() source.Source {
	b.Helper()
	s := b.open(b)
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Errorf("Close: %v", err)
		}
	})
	return s
}

func nothing(string) (source.Input, bool) { return source.Input{}, false }

// remember makes what was read known, as the ledger does.
func remember(inputs []source.Input) source.Known {
	return func(name string) (source.Input, bool) {
		i := slices.IndexFunc(inputs, func(in source.Input) bool { return in.Name == name })
		if i < 0 {
			return source.Input{}, false
		}
		return inputs[i], true
	}
}

func (b *bundle) inputs(s source.Source, known source.Known) []source.Input {
	b.Helper()
	in, err := s.Inputs(b.ctx, known)
	if err != nil {
		b.Fatalf("Inputs: %v", err)
	}
	return in
}

func (b *bundle) land(s source.Source, in source.Input) source.Landed {
	b.Helper()
	landed, err := s.Land(b.ctx, in, b.TempDir())
	if err != nil {
		b.Fatalf("Land(%s): %v", in.Name, err)
	}
	return landed
}

func identity(b *bundle) {
	if b.src.Name() == "" || b.src.Name() != b.source().Name() {
		b.Errorf("Name must be given and stay: got %q", b.src.Name())
	}
	if _, err := time.LoadLocation(b.src.TimeZone()); err != nil || b.src.TimeZone() == "" {
		b.Errorf("TimeZone: got %q, want an IANA name: %v", b.src.TimeZone(), err)
	}
}

func inputsListed(b *bundle) {
	first := b.inputs(b.src, nothing)
	if len(first) < 2 {
		b.Fatalf("the factory's source must have at least two inputs, got %d", len(first))
	}
	names := map[string]bool{}
	for _, in := range first {
		if in.Name == "" || in.Version == "" || in.Size < 0 {
			b.Errorf("an input must have a name, a version and a size: got %+v", in)
		}
		if names[in.Name] {
			b.Errorf("the name %s is given twice", in.Name)
		}
		names[in.Name] = true
	}
	if again := b.inputs(b.src, nothing); !slices.EqualFunc(first, again, same) {
		b.Errorf("a second call differs: got %+v, then %+v", first, again)
	}
	if other := b.inputs(b.source(), nothing); !slices.EqualFunc(first, other, same) {
		b.Errorf("another source of the same configuration differs: got %+v and %+v", first, other)
	}
}

func same(a, b source.Input) bool {
	return a.Name == b.Name && a.Version == b.Version && a.Size == b.Size && a.ModifiedAt.Equal(b.ModifiedAt)
}

func knownInputs(b *bundle) {
	all := b.inputs(b.src, nothing)
	if again := b.inputs(b.src, remember(all)); len(again) != 0 {
		b.Errorf("inputs that were read are listed again: %+v", again)
	}
	if rest := b.inputs(b.src, remember(all[1:])); len(rest) != 1 || !same(rest[0], all[0]) {
		b.Errorf("the one input that was not read: got %+v, want %+v", rest, all[0])
	}
	// The ledger keeps times to the microsecond, in UTC.
	stored := slices.Clone(all)
	for i := range stored {
		stored[i].ModifiedAt = stored[i].ModifiedAt.UTC().Truncate(time.Microsecond)
	}
	if again := b.inputs(b.src, remember(stored)); len(again) != 0 {
		b.Errorf("inputs as the ledger remembers them are listed again: %+v", again)
	}
	changed := slices.Clone(all)
	changed[0].Version, changed[0].Size = "another", changed[0].Size+1
	if again := b.inputs(b.src, remember(changed)); len(again) != 1 || !same(again[0], all[0]) {
		b.Errorf("an input of which another version was read: got %+v, want %+v", again, all[0])
	}
}

func landingFiles(b *bundle) {
	reader, records := newReader(b), int64(0)
	for _, in := range b.inputs(b.src, nothing) {
		parent := b.TempDir()
		dir := filepath.Join(parent, "landing")
		if err := os.Mkdir(dir, 0o755); err != nil {
			b.Fatal(err)
		}
		landed, err := b.src.Land(b.ctx, in, dir)
		if err != nil {
			b.Fatalf("Land(%s): %v", in.Name, err)
		}
		records += landed.Records
		b.below(parent, dir, landed)
		reader.checkTables(in, landed)
		reader.checkMalformed(in, landed)
	}
	if records == 0 {
		b.Error("the factory's source must have a record")
	}
}

// below checks that a landing wrote into its directory only.
func (b *bundle) below(parent, dir string, landed source.Landed) {
	b.Helper()
	paths := []string{}
	for table, p := range landed.Tables {
		if _, err := contract.Lookup(table); err != nil {
			b.Errorf("landed table: %v", err)
		}
		paths = append(paths, p)
	}
	if landed.Malformed != "" {
		paths = append(paths, landed.Malformed)
	}
	for _, p := range paths {
		if rel, err := filepath.Rel(dir, p); err != nil || strings.HasPrefix(rel, "..") {
			b.Errorf("%s lies outside of the landing directory %s", p, dir)
		}
	}
	entries, err := os.ReadDir(parent)
	if err != nil {
		b.Fatal(err)
	}
	if len(entries) != 1 {
		b.Errorf("files were written beside the landing directory: %v", entries)
	}
}

func landingAgain(b *bundle) {
	reader, other := newReader(b), b.source()
	for _, in := range b.inputs(b.src, nothing) {
		first := reader.content(b.land(b.src, in))
		if second := reader.content(b.land(b.src, in)); second != first {
			b.Errorf("%s gives other rows the second time:\n%s\n%s", in.Name, first, second)
		}
		if third := reader.content(b.land(other, in)); third != first {
			b.Errorf("%s gives other rows from another source:\n%s\n%s", in.Name, first, third)
		}
		// A crash may leave files in the directory.
		dir := b.TempDir()
		for range 2 {
			landed, err := b.src.Land(b.ctx, in, dir)
			if err != nil {
				b.Fatalf("Land(%s) into a used directory: %v", in.Name, err)
			}
			if got := reader.content(landed); got != first {
				b.Errorf("%s gives other rows in a used directory:\n%s\n%s", in.Name, first, got)
			}
		}
	}
}

// canceled checks that work stops when it is asked to, and that the source works on.
func canceled(b *bundle) {
	in := b.inputs(b.src, nothing)[0]
	ctx, cancel := context.WithCancel(b.ctx)
	cancel()
	if _, err := b.src.Inputs(ctx, nothing); err == nil {
		b.Error("Inputs went on although it was canceled")
	}
	if _, err := b.src.Land(ctx, in, b.TempDir()); err == nil {
		b.Error("Land went on although it was canceled")
	}
	b.land(b.src, in)
	if _, err := b.src.Land(ctx, in, b.TempDir()); err == nil {
		b.Error("Land went on although it was canceled")
	}
	b.land(b.src, in)
}

// inputGone checks that an input that cannot be read is an error which names it, and
// that the source works on.
func inputGone(b *bundle) {
	all := b.inputs(b.src, nothing)
	gone := all[0]
	gone.Name += ".gone"
	for range 2 {
		if _, err := b.src.Land(b.ctx, gone, b.TempDir()); err == nil || !strings.Contains(err.Error(), gone.Name) {
			b.Errorf("Land of an input that is gone: got %v, want an error that names %s", err, gone.Name)
		}
	}
	b.land(b.src, all[0])
}

// inputsBetween checks that Inputs changes nothing, whenever it is called.
func inputsBetween(b *bundle) {
	all := b.inputs(b.src, nothing)
	for i, in := range all {
		b.land(b.src, in)
		if left := b.inputs(b.src, remember(all[:i+1])); !slices.EqualFunc(left, all[i+1:], same) {
			b.Errorf("after input %d: got %+v, want %+v", i, left, all[i+1:])
		}
	}
}
