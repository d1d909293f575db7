package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// bench is what the contestants share.
type bench struct {
	options
	root    string   // of the module
	servers string   // folder of the server that was started; "" for one of somebody else
	tool    string   // psql
	env     []string // with the address for libpq (PGHOST, ...) and for mainstay (BENCH_URL)
	counts  bool     // the server has pg_stat_statements
}

func (b *bench) say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// begin builds mainstay and finds or starts the server.
func (b *bench) begin(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return fmt.Errorf("looking for the module (run it within the repository): %w", err)
	}
	b.root = strings.TrimSpace(string(out))
	if b.work == "" {
		if b.work, err = os.MkdirTemp("", "bench-extract-"); err != nil {
			return fmt.Errorf("making a folder: %w", err)
		}
	} else if err := os.MkdirAll(b.work, 0o755); err != nil {
		return fmt.Errorf("making a folder: %w", err)
	} else {
		b.options.keep = true // somebody's own
	}
	if err := os.Chmod(b.work, 0o711); err != nil { // the server has an account of its own
		return fmt.Errorf("opening the folder: %w", err)
	}
	if b.tool, err = psqlTool(); err != nil {
		return err
	}
	if b.mainstay == "" {
		b.mainstay = filepath.Join(b.work, "mainstay")
		b.say("building mainstay")
		if err := b.quietly(ctx, "go", "build", "-o", b.mainstay, "./cmd/mainstay"); err != nil {
			return err
		}
	}
	if b.install {
		if err := b.installPython(ctx); err != nil {
			return err
		}
	}
	if b.url == "" {
		if err := b.startServer(ctx); err != nil {
			return err
		}
	}
	return b.connect(ctx)
}

// quietly runs a command, with what it said on failure.
func (b *bench) quietly(ctx context.Context, name string, args ...string) error {
	c := exec.CommandContext(ctx, name, args...)
	c.Dir = b.root
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("running %s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

// psqlTool finds psql itself: Debian's command is a script around it.
func psqlTool() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/psql")
	if len(found) > 0 {
		return found[len(found)-1], nil
	}
	tool, err := exec.LookPath("psql")
	if err != nil {
		return "", errors.New("psql is missing: install Debian's postgresql (or postgresql-client, with -url)")
	}
	return tool, nil
}

// startServer starts PostgreSQL, with its statistics of statements where they are
// installed (Debian's postgresql has them).
func (b *bench) startServer(ctx context.Context) error {
	b.servers = filepath.Join(b.work, "servers")
	script := filepath.Join(b.root, "pipeline", "source", "dbtest", "servers.sh")
	b.say("starting PostgreSQL")
	if err := b.quietly(ctx, "bash", script, "start", b.servers, "postgres"); err != nil {
		return err
	}
	conf, err := os.OpenFile(filepath.Join(b.servers, "postgres", "data", "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = conf.WriteString("shared_preload_libraries = 'pg_stat_statements'\nmax_wal_size = 4GB\n")
		err = errors.Join(err, conf.Close())
	}
	if err != nil {
		return fmt.Errorf("configuring PostgreSQL: %w", err)
	}
	if err := b.quietly(ctx, "bash", script, "stop", b.servers, "postgres"); err != nil {
		return err
	}
	c := exec.CommandContext(ctx, "bash", script, "start", b.servers, "postgres")
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return fmt.Errorf("starting PostgreSQL: %w", err)
	}
	_, rest, _ := strings.Cut(string(out), "MAINSTAY_TEST_POSTGRES='")
	b.url, _, _ = strings.Cut(rest, "'")
	return nil
}

// connect makes the environment of the contestants, where ingestr finds it in SOURCE_URI: no address, with its password, is
// in a list of processes.
func (b *bench) connect(ctx context.Context) error {
	u, err := url.Parse(b.url)
	if err != nil || u.Host == "" {
		return errors.New("-url is no address such as postgres://user@host:5432/database")
	}
	password, _ := u.User.Password()
	b.env = append(os.Environ(), "BENCH_URL="+b.url, "SOURCE_URI="+b.url, "PGHOST="+u.Hostname(), "PGUSER="+u.User.Username(), "PGDATABASE="+strings.TrimPrefix(u.Path, "/"))
	for name, value := range map[string]string{"PGPORT": u.Port(), "PGPASSWORD": password, "PGSSLMODE": u.Query().Get("sslmode")} {
		if value != "" {
			b.env = append(b.env, name+"="+value)
		}
	}
	if _, err := b.psql(ctx, "SELECT 1"); err != nil {
		return err
	}
	_, err = b.psql(ctx, "CREATE EXTENSION IF NOT EXISTS pg_stat_statements; SELECT pg_stat_statements_reset()")
	if b.counts = err == nil; !b.counts {
		b.say("the server has no pg_stat_statements (shared_preload_libraries): the longest query will not be known")
	}
	return nil
}

// psql runs statements and gives what the last one prints, without decoration.
func (b *bench) psql(ctx context.Context, statements string) (string, error) {
	c := exec.CommandContext(ctx, b.tool, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1")
	c.Env, c.Stdin = b.env, strings.NewReader(statements)
	var log strings.Builder
	c.Stderr = &log
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("running SQL: %w\n%s", err, log.String())
	}
	return strings.TrimSpace(string(out)), nil
}

// longest is the longest statement since forget, in seconds, as the server timed it; a
// FETCH from a cursor is a statement of its own. -1 when the server does not tell.
func (b *bench) longest(ctx context.Context) (float64, error) {
	if !b.counts {
		return -1, nil
	}
	out, err := b.psql(ctx, "SELECT coalesce(max(max_exec_time), 0) / 1000 FROM pg_stat_statements WHERE query NOT LIKE '%pg_stat_statements%'")
	if err != nil {
		return -1, err
	}
	return strconv.ParseFloat(out, 64)
}

func (b *bench) forget(ctx context.Context) error {
	if !b.counts {
		return nil
	}
	_, err := b.psql(ctx, "SELECT pg_stat_statements_reset()")
	return err
}

// installPython makes a virtual environment. ingestr from 1 on is not in its package, but fetched
// from GitHub when it runs first.
func (b *bench) installPython(ctx context.Context) error {
	b.venv = filepath.Join(b.work, "venv")
	b.say("installing dlt and ingestr into %s", b.venv)
	if err := b.quietly(ctx, "python3", "-m", "venv", b.venv); err != nil {
		return err
	}
	return b.quietly(ctx, filepath.Join(b.venv, "bin", "pip"), "install", "-q", "dlt[parquet]", "sqlalchemy", "psycopg2-binary", "ingestr<1")
}

// end stops the server and removes what was made.
func (b *bench) end() {
	if b.keep {
		b.say("kept: %s", b.work)
		if b.servers != "" {
			b.say("its server runs on; stop it with pipeline/source/dbtest/servers.sh stop %s postgres", b.servers)
		}
		return
	}
	if b.servers != "" {
		script := filepath.Join(b.root, "pipeline", "source", "dbtest", "servers.sh")
		if err := b.quietly(context.Background(), "bash", script, "stop", b.servers, "postgres"); err != nil {
			b.say("%v", err)
		}
	}
	if b.work != "" {
		if err := os.RemoveAll(b.work); err != nil {
			b.say("removing the folder: %v", err)
		}
	}
}
