package pseudonym_test

import (
	"testing"

	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/pseudonym"
)

func TestTelling(t *testing.T) {
	t.Parallel()
	s, err := duck.Open(t.Context(), duck.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	key := pseudonym.Key("key")
	for text, want := range map[string]bool{
		"": false, "10": false, "17850": false, "123456789": false, "2024-10-01": false, "C-12": false, "Ann": false,
		"C-0001": true, "Ödön's": true, "ΑΒΓΔΕΖ": true, "日本日本日": false, "日本日本日本": true, "12345e": true, "Jo Ann": true,
	} {
		var sql, in, inRecord bool
		q := duck.Quote(text)
		if err := s.Scan(t.Context(), "SELECT "+pseudonym.TellingSQL(q)+", "+key.InRecord(q, []string{key.Of(text)})+", "+key.InRecord(q, []string{key.OfRecord(text)}), &sql, &in, &inRecord); err != nil {
			t.Fatal(err)
		}
		if got := pseudonym.Telling(text); got != want || sql != want || in != want || !inRecord {
			t.Errorf("%q: Go %t, SQL %t, in a record %t, want %t; by OfRecord %t", text, got, sql, in, want, inRecord)
		}
	}
}
