package jobs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/mainstay-etl/mainstay/pipeline/duck"
)

// shared holds the contract tables and staging models of a night's as-of day, each made
// once by the first session that reads it: the marts of a night read the same ones. They
// are DuckDB files, which keep every type and the order of rows, in the night's scratch
// directory: nothing is committed, and the next night sweeps what a crash leaves.
type shared struct {
	dir string
	mu  sync.Mutex
	one map[string]*sharedTable
}

type sharedTable struct {
	mu   sync.Mutex // held while the table is made: whoever else wants it waits
	file string     // "" before that
}

func newShared(dir string) *shared {
	return &shared{dir: dir, one: map[string]*sharedTable{}}
}

func (sh *shared) table(name string) *sharedTable {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sh.one[name] == nil {
		sh.one[name] = &sharedTable{}
	}
	return sh.one[name]
}

// share gives the session the table of that name: from the file when there is one, else
// by build, which makes it in the session, and keeps it for the others.
func (s *session) share(ctx context.Context, name string, build func() error) error {
	t := s.shared.table(name)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.file != "" {
		db := duck.Ident("shared_" + name)
		if err := s.Exec(ctx, fmt.Sprintf("ATTACH %s AS %s (READ_ONLY)", duck.Quote(t.file), db)); err != nil {
			return err
		}
		return s.Exec(ctx, fmt.Sprintf("CREATE TEMP VIEW %s AS SELECT * FROM %s.%s", duck.Ident(name), db, duck.Ident(name)))
	}
	if err := build(); err != nil {
		return err
	}
	file := filepath.Join(s.shared.dir, name+".duckdb")
	if err := s.keep(ctx, name, file); err != nil {
		return errors.Join(err, os.RemoveAll(file), os.RemoveAll(file+".wal"))
	}
	t.file = file
	return nil
}

// keep copies a table of the session into a file of its own.
func (s *session) keep(ctx context.Context, name, file string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return fmt.Errorf("creating scratch directory: %w", err)
	}
	for _, statement := range []string{
		fmt.Sprintf("ATTACH %s AS keeping", duck.Quote(file)),
		fmt.Sprintf("CREATE TABLE keeping.%[1]s AS SELECT * FROM %[1]s", duck.Ident(name)),
		"CHECKPOINT keeping",
		"DETACH keeping",
	} {
		if err := s.Exec(ctx, statement); err != nil {
			return fmt.Errorf("keeping %s for the night: %w", name, err)
		}
	}
	return nil
}
