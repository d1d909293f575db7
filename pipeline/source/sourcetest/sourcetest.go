// Package sourcetest checks that a source keeps the contract of package source. A
// source's own test hands Run a factory and is done with the contract; what is
// particular to the source is for its other tests.
package sourcetest

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/contract"
	"github.com/mainstay-etl/mainstay/pipeline/source"
)

// Factory opens the source under test. Run calls it many times, from several
// goroutines: every source that it gives must see the same rows, which do not change
// while Run runs, in at least two inputs, with at least two rows among them.
type Factory func(t testing.TB) source.Source

// asOf is the day that the checks extract for.
const asOf = "2024-03-01"

// Run checks every clause of the contract.
func Run(t *testing.T, open Factory) {
	for name, check := range map[string]func(*bundle){
		"identity":              identity,
		"check":                 checkReports,
		"landing files":         landingFiles,
		"the end":               theEnd,
		"nothing twice":         nothingTwice,
		"another source":        anotherSource,
		"interrupted":           interrupted,
		"a crash before commit": crashBeforeCommit,
		"canceled":              canceled,
		"closed early":          closedEarly,
		"verified":              verified,
		"fetched":               fetched,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &bundle{T: t, ctx: t.Context(), open: open}
			b.reader = newReader(b)
			b.src = b.source()
			check(b)
		})
	}
}

// bundle is a source of the check's own.
type bundle struct {
	*testing.T
	ctx    context.Context
	open   Factory
	src    source.Source
	reader *reader
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

// read begins a pass and closes it when the check ends.
func (b *bundle) read(s source.Source, known source.Known) source.Reader {
	b.Helper()
	r, err := s.Read(b.ctx, known)
	if err != nil {
		b.Fatalf("Read: %v", err)
	}
	b.Cleanup(func() { r.Close() })
	return r
}

// next lands one input into a directory of its own; ok is false at the end.
func (b *bundle) next(r source.Reader) (landed source.Landed, ok bool) {
	b.Helper()
	landed, err := r.Next(b.ctx, b.TempDir())
	if errors.Is(err, io.EOF) {
		return landed, false
	}
	if err != nil {
		b.Fatalf("Next: %v", err)
	}
	return landed, true
}

// take runs up to limit steps of a pass into a store; a negative limit takes all. It
// returns how many there were and closes the pass.
func (b *bundle) take(s source.Source, st *store, limit int) int {
	b.Helper()
	r := b.read(s, st.known())
	n := 0
	for ; n != limit; n++ {
		landed, ok := b.next(r)
		if !ok {
			break
		}
		st.commit(landed)
	}
	if err := r.Close(); err != nil {
		b.Errorf("closing the reader: %v", err)
	}
	return n
}

// whole is what one undisturbed pass gives.
func (b *bundle) whole() *store {
	b.Helper()
	st := b.reader.newStore()
	if n := b.take(b.src, st, -1); n < 2 {
		b.Fatalf("the factory's source must have at least two inputs, got %d", n)
	}
	if len(st.rows) < 2 {
		b.Fatalf("the factory's source must have at least two rows, got %d", len(st.rows))
	}
	return st
}

func identity(b *bundle) {
	if b.src.Name() == "" || b.src.Name() != b.source().Name() {
		b.Errorf("Name must be given and stay: got %q", b.src.Name())
	}
	if _, err := time.LoadLocation(b.src.TimeZone()); err != nil || b.src.TimeZone() == "" {
		b.Errorf("TimeZone: got %q, want an IANA name: %v", b.src.TimeZone(), err)
	}
}

// checkReports checks that a look at a good source finds nothing wrong, and changes
// nothing.
func checkReports(b *bundle) {
	for range 2 {
		report, err := b.src.Check(b.ctx, source.Nothing(asOf))
		if err != nil {
			b.Fatalf("Check: %v", err)
		}
		if report.Errors() > 0 {
			b.Errorf("Check of a good source finds errors: %+v", report)
		}
		if report.Inputs == 0 && len(report.Tables) == 0 {
			b.Error("Check says neither which files nor which tables there are")
		}
	}
	b.whole()
}

func landingFiles(b *bundle) {
	r := b.read(b.src, source.Nothing(asOf))
	names := map[string]bool{}
	for {
		parent := b.TempDir()
		dir := filepath.Join(parent, "landing")
		if err := os.Mkdir(dir, 0o755); err != nil {
			b.Fatal(err)
		}
		landed, err := r.Next(b.ctx, dir)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			b.Fatalf("Next: %v", err)
		}
		in := landed.Input
		if in.Name == "" || in.Version == "" || in.Size < 0 || names[in.Name] {
			b.Errorf("an input must have a name of its own, a version and a size: got %+v", in)
		}
		names[in.Name] = true
		b.below(parent, dir, landed)
		b.reader.checkTables(landed)
		b.reader.checkMalformed(landed)
		if done, total, unit := r.Progress(); done < 0 || total < 0 || unit == "" {
			b.Errorf("Progress: got %d of %d %q", done, total, unit)
		}
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

// theEnd checks that the end stays the end.
func theEnd(b *bundle) {
	r := b.read(b.src, source.Nothing(asOf))
	for {
		if _, ok := b.next(r); !ok {
			break
		}
	}
	for range 3 {
		if landed, ok := b.next(r); ok {
			b.Errorf("Next after the end gives %+v", landed)
		}
	}
}

// nothingTwice checks that a pass over what is known changes nothing.
func nothingTwice(b *bundle) {
	st := b.whole()
	first := st.content()
	for range 2 {
		b.take(b.src, st, -1)
		if got := st.content(); got != first {
			b.Fatalf("a pass over known rows changed them:\n%s\nwant\n%s", got, first)
		}
	}
}

func anotherSource(b *bundle) {
	first := b.whole().content()
	st := b.reader.newStore()
	b.take(b.source(), st, -1)
	if got := st.content(); got != first {
		b.Errorf("another source of the same configuration gives\n%s\nwant\n%s", got, first)
	}
}

// interrupted checks that two passes, cut anywhere, give what one gives.
func interrupted(b *bundle) {
	want := b.whole().content()
	for cut := 0; ; cut++ {
		st := b.reader.newStore()
		n := b.take(b.src, st, cut)
		b.take(b.source(), st, -1)
		if got := st.content(); got != want {
			b.Fatalf("interrupted after %d steps, the next pass ends with\n%s\nwant\n%s", cut, got, want)
		}
		if n < cut {
			return
		}
	}
}

// crashBeforeCommit checks that a step that was landed and not committed comes again,
// and that what a crash left in a landing directory does no harm.
func crashBeforeCommit(b *bundle) {
	want := b.whole().content()
	st, dir := b.reader.newStore(), b.TempDir()
	if _, err := b.read(b.src, st.known()).Next(b.ctx, dir); err != nil {
		b.Fatalf("Next: %v", err)
	}
	landed, err := b.read(b.source(), st.known()).Next(b.ctx, dir) // where the crash left files
	if err != nil {
		b.Fatalf("Next into a used directory: %v", err)
	}
	st.commit(landed)
	b.take(b.source(), st, -1)
	if got := st.content(); got != want {
		b.Errorf("after a crash:\n%s\nwant\n%s", got, want)
	}
}

// canceled checks that work stops when it is asked to, and that the source works on.
func canceled(b *bundle) {
	ctx, cancel := context.WithCancel(b.ctx)
	cancel()
	if r, err := b.src.Read(ctx, source.Nothing(asOf)); err == nil {
		if _, err := r.Next(ctx, b.TempDir()); err == nil || errors.Is(err, io.EOF) {
			b.Errorf("reading went on although it was canceled: %v", err)
		}
		r.Close()
	}
	r := b.read(b.src, source.Nothing(asOf))
	if _, err := r.Next(ctx, b.TempDir()); err == nil || errors.Is(err, io.EOF) {
		b.Errorf("Next went on although it was canceled: %v", err)
	}
	r.Close()
	b.whole()
}

// closedEarly checks that a pass may be closed at any time, more than once.
func closedEarly(b *bundle) {
	r := b.read(b.src, source.Nothing(asOf))
	b.next(r)
	for range 2 {
		if err := r.Close(); err != nil {
			b.Errorf("closing a reader: %v", err)
		}
	}
	b.whole()
}
