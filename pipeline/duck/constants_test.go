package duck

import (
	"strings"
	"testing"
)

func TestConstants(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, tt := range []struct{ query, want string }{
		{"SELECT id, TIMESTAMP '1970-01-01' AS recorded_at FROM input", "recorded_at"},
		{"SELECT *, CAST('1970-01-01' AS TIMESTAMP) AS Recorded_At, 1 + 1 AS two FROM input", "recorded_at two"},
		{"SELECT changed AS recorded_at FROM input", ""},
		{"SELECT COALESCE(changed, TIMESTAMP '1970-01-01') AS recorded_at FROM input", ""},
		{"SELECT (SELECT MAX(changed) FROM input) AS recorded_at FROM input", ""},
		{"SELECT COLUMNS('a.*') AS recorded_at FROM input", ""},
		{"SELECT TIMESTAMP '1970-01-01' AS a FROM input UNION ALL SELECT b FROM input", ""},
		{"SELECT 'x' FROM input", ""},
	} {
		got, err := s.Constants(t.Context(), tt.query)
		if err != nil || strings.Join(got, " ") != tt.want {
			t.Errorf("%s: got %v, %v, want %q", tt.query, got, err, tt.want)
		}
	}
	if _, err := s.Constants(t.Context(), "SELECT FROM WHERE"); err == nil {
		t.Error("no error for what is no SQL")
	}
}
