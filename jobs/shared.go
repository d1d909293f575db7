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
// directory: nothing is committed, and the next night sweeps what a crash leaves. They
// are not compressed: packing wide decimals, and unpacking them for every reader, takes
// longer than the queries themselves.
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
// it is made in the file, for this session and the others.
func (s *session) share(ctx context.Context, name string) error {
	t := s.shared.table(name)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.file != "" {
		return s.attach(ctx, name, t.file)
	}
	file := filepath.Join(s.shared.dir, name+".duckdb")
	err := s.build(ctx, name, func(ctx context.Context, s *session, name, query string) error {
		if err := s.keep(ctx, name, query, file); err != nil {
			return err
		}
		return s.attach(ctx, name, file)
	})
	if err != nil {
		return errors.Join(err, removeShared(file))
	}
	t.file = file
	return nil
}

// attach lets the session read a shared table under its name.
func (s *session) attach(ctx context.Context, name, file string) error {
	db := duck.Ident("shared_" + name)
	if err := s.Exec(ctx, fmt.Sprintf("ATTACH %s AS %s (READ_ONLY)", duck.Quote(file), db)); err != nil {
		return err
	}
	return s.Exec(ctx, fmt.Sprintf("CREATE TEMP VIEW %s AS SELECT * FROM %s.%s", duck.Ident(name), db, duck.Ident(name)))
}

// keep makes a table in a file of its own. A job that is tried again begins it anew.
func (s *session) keep(ctx context.Context, name, query, file string) error {
	if err := removeShared(file); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return fmt.Errorf("creating scratch directory: %w", err)
	}
	for _, statement := range []string{
		"SET force_compression = 'uncompressed'",
		fmt.Sprintf("ATTACH %s AS keeping", duck.Quote(file)),
		fmt.Sprintf("CREATE TABLE keeping.%s AS\n%s", duck.Ident(name), query),
		"CHECKPOINT keeping",
		"DETACH keeping",
	} {
		if err := s.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

func removeShared(file string) error {
	return errors.Join(os.RemoveAll(file), os.RemoveAll(file+".wal"))
}
