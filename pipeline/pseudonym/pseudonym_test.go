package pseudonym_test

import (
	"context"
	"testing"

	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/pseudonym"
)

func TestSQLSaysTheSame(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s, err := duck.Open(ctx, duck.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, key := range []pseudonym.Key{nil, pseudonym.Key("short"), pseudonym.Key(string(make([]byte, 32)) + "!"), pseudonym.Key(string(make([]byte, 100)))} {
		for _, text := range []string{"", "17850", "C-000001", "Ödön's \"id\"", "日本"} {
			var got string
			if err := s.Scan(ctx, "SELECT "+key.SQL(duck.Quote(text)), &got); err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			if want := key.Of(text); got != want {
				t.Errorf("key %x, %q: SQL says %s, Go %s", []byte(key), text, got, want)
			}
			var in, out bool
			if err := s.Scan(ctx, "SELECT "+key.In(duck.Quote(text), []string{"x", key.Of(text)})+", "+key.In("NULL::VARCHAR", []string{key.Of(text)}), &in, &out); err != nil || !in || out {
				t.Errorf("%q: in %t, NULL in %t, %v", text, in, out, err)
			}
		}
	}
	if pseudonym.Key("a").Of("x") == pseudonym.Key("b").Of("x") {
		t.Error("the key makes no difference")
	}
}
