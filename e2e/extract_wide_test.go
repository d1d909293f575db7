package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/pipeline/source/dbtest"
)

// Rows with long texts beside the contract's columns: two thousand letters in each, and
// a few million in some.
func TestLongTexts(t *testing.T) {
	onServers(t, func(t *testing.T, kind dbtest.Kind) {
		for _, c := range []struct {
			name  string
			times int    // 32 letters that cannot be compressed
			which string // rows
		}{{"many", 64, "true"}, {"few", 150_000, "id % 3000 = 0"}} {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				s := dbtest.Of(t, kind)
				newShop(t, s, 300, 8)
				widen(t, s, c.times, c.which)
				p := newProject(t, s, [2]string{"rating, updated_at\n", "rating, updated_at, note\n"})
				p.extract(t, 0).ok(t)
				p.holds(t, 0, "with long texts")
			})
		}
	})
}

// widen gives some of the interactions a text of so many times 32 letters. New rows
// have none.
func widen(t *testing.T, s *dbtest.Server, times int, which string) {
	t.Helper()
	parts := make([]string, min(times, 64))
	for i := range parts {
		parts[i] = fmt.Sprintf("md5(concat(id, '-%d'))", i)
	}
	s.Exec(t, "ALTER TABLE interactions ADD note "+map[dbtest.Kind]string{dbtest.KindPostgres: "text", dbtest.KindMySQL: "longtext"}[s.Kind],
		fmt.Sprintf("UPDATE interactions SET note = repeat(concat(%s), %d) WHERE %s", strings.Join(parts, ", "), max(times/64, 1), which))
}
