package lake

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/durable"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
)

// DamagedError says that a file of the lake is not what was committed.
type DamagedError struct {
	File ledger.LakeFile
	Path string // absolute
	Why  string
}

// Error names the file and what to do.
func (e *DamagedError) Error() string {
	return fmt.Sprintf("the lake file %s, of table %s, is damaged: %s. Bring this file back from a backup (any that was made since will do); where there is none, `mainstay repair --extract-again` takes it out of the lake, and the next night reads again what was in it, as far as the sources still have it", e.Path, e.File.Table, e.Why)
}

// files are the committed files of a table, each proved.
func (l *Lake) files(ctx context.Context, table string) ([]ledger.LakeFile, error) {
	files, err := l.Ledger.LakeFiles(ctx, table)
	if err != nil {
		return nil, err
	}
	return files, l.prove(files)
}

// proved are the files that this process has found to be what was committed: a file is
// read as a whole once, and again only when it was written to since.
var proved sync.Map // path and digest -> proof

type proof struct {
	size     int64
	modified time.Time
}

// prove makes sure that files have the content that was committed.
func (l *Lake) prove(files []ledger.LakeFile) error {
	errs := make([]error, len(files))
	var wg sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i, f := range files {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			errs[i] = Prove(l.Dir, f)
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Prove makes sure that a file has the content that was committed; if not, the error is a
// *DamagedError.
func Prove(dataDir string, f ledger.LakeFile) error {
	path := filepath.Join(dataDir, f.Path)
	damaged := func(why string, args ...any) error {
		return &DamagedError{File: f, Path: path, Why: fmt.Sprintf(why, args...)}
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return damaged("it is gone")
	}
	if err != nil {
		return fmt.Errorf("looking at a lake file: %w", err)
	}
	key, is := path+" "+f.SHA256, proof{info.Size(), info.ModTime()}
	if was, ok := proved.Load(key); ok && was == is {
		return nil
	}
	if info.Size() != f.Bytes {
		return damaged("it has %d bytes, and had %d when it was stored", info.Size(), f.Bytes)
	}
	sum, _, err := durable.Digest(path)
	if err != nil {
		return damaged("%v", err)
	}
	if sum != f.SHA256 {
		return damaged("its SHA-256 is %.12s..., and was %.12s... when it was stored", sum, f.SHA256)
	}
	proved.Store(key, is)
	return nil
}
