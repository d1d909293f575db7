package duck

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"
)

// A query ends soon after its context does, whatever it does, and the session goes on.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	const long = "SELECT a.range AS a, b.range AS b, hash(a.range, b.range) AS h FROM range(100000000) a, range(1000) b"
	for name, run := range map[string]func(ctx context.Context, s *Session, dir string) error{
		"scan": func(ctx context.Context, s *Session, _ string) error { return s.Exec(ctx, "CREATE TABLE t AS "+long) },
		"sort": func(ctx context.Context, s *Session, _ string) error {
			return s.Exec(ctx, "CREATE TABLE t AS "+long+" ORDER BY h")
		},
		"group": func(ctx context.Context, s *Session, _ string) error {
			return s.Exec(ctx, "CREATE TABLE t AS SELECT h % 1000, count(*) FROM ("+long+") GROUP BY 1")
		},
		"parquet": func(ctx context.Context, s *Session, dir string) error {
			_, err := s.WriteParquet(ctx, long, filepath.Join(dir, "t.parquet"))
			return err
		},
		"row by row": func(ctx context.Context, s *Session, _ string) error { return s.Each(ctx, long, &countingSink{}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := Open(t.Context(), Options{Memory: "1GB", TempDir: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			ctx, cancel := context.WithCancel(t.Context())
			var told time.Time
			time.AfterFunc(300*time.Millisecond, func() { told = time.Now(); cancel() })
			err = run(ctx, s, t.TempDir())
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("got %v, want that it was canceled", err)
			}
			if took := time.Since(told); took > 10*time.Second { // a tenth of a second when nothing else runs
				t.Errorf("it went on for %s", took)
			}
			var one int
			if err := s.Scan(t.Context(), "SELECT 1", &one); err != nil || one != 1 {
				t.Errorf("afterwards the session gives %d, %v", one, err)
			}
		})
	}
}

// countingSink takes rows and keeps none.
type countingSink struct{ rows int }

func (c *countingSink) Header([]string, []string) error { return nil }
func (c *countingSink) Row([]any) error                 { c.rows++; return nil }
func (c *countingSink) End() error                      { return nil }
