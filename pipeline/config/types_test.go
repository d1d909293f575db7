package config

import (
	"strings"
	"testing"
)

func TestExpand(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in, want string
		leads    bool
		mistake  string
	}{
		{in: "plain", want: "plain"},
		{in: "${SET}/x", want: "value/x", leads: true},
		{in: "x/${SET}", want: "x/value"},
		{in: "${EMPTY}", want: ""},
		{in: "${EMPTY:-d}", want: "d"},
		{in: "${NOT_SET:-d}${SET:-e}", want: "dvalue"},
		{in: "${NOT_SET:-}", want: ""},
		{in: "$${SET} $$ $5 \\.0$", want: "${SET} $ $5 \\.0$"},
		{in: "$$$${SET}", want: "$${SET}"},
		{in: "$$${SET}", want: "$value"},
		{in: "${EVIL}", want: "x\nschedule: {cron: \"* * * * *\"} # ${SET}", leads: true},
		{in: "${NOT_SET}", mistake: "NOT_SET is not set"},
		{in: "a ${SET", want: "a ", mistake: "without a closing }"},
		{in: "${1A}", mistake: "not the name of a variable"},
		{in: "${}", mistake: "not the name of a variable"},
		{in: "${A-b}", mistake: "not the name of a variable"},
	}
	for _, tt := range tests {
		e := expand(tt.in, testEnv)
		wrong := ""
		for _, m := range e.mistakes {
			wrong += m.message
		}
		if e.text != tt.want || e.leads != tt.leads || (tt.mistake == "") != (wrong == "") || !strings.Contains(wrong, tt.mistake) {
			t.Errorf("expand(%q) = %q, leads %t, mistakes %q", tt.in, e.text, e.leads, wrong)
		}
	}
}

// Text without a dollar never changes, and escaping always gives text back.
func FuzzExpand(f *testing.F) {
	for _, seed := range []string{"", "$", "${", "${SET}", "$$", "${A:-$}", "a${}b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		expand(text, testEnv)
		escaped := strings.ReplaceAll(text, "$", "$$")
		if e := expand(escaped, testEnv); e.text != text || len(e.mistakes) > 0 {
			t.Errorf("expand(%q) = %q %v", escaped, e.text, e.mistakes)
		}
	})
}

func TestBytes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in   string
		want Bytes
		text string // "" for an error
	}{
		{"2GB", 2e9, "2GB"}, {"512MiB", 512 << 20, "512MiB"}, {"1.5 gib", 3 << 29, "1536MiB"},
		{"100000000b", 1e8, "100MB"}, {"100000001B", 100000001, "100000001B"},
		{"2", 0, ""}, {"GB", 0, ""}, {"-1GB", 0, ""}, {"NaNGB", 0, ""}, {"1e30GB", 0, ""}, {"1MB", 0, ""}, {"2 boxes", 0, ""},
	}
	for _, tt := range tests {
		var b Bytes
		err := b.UnmarshalText([]byte(tt.in))
		if (err == nil) != (tt.text != "") || err == nil && (b != tt.want || b.String() != tt.text) {
			t.Errorf("%q: %d %s %v", tt.in, b, b, err)
		}
	}
	if got := Bytes(0).String(); got != "0B" {
		t.Errorf("zero is %q", got)
	}
}

func TestFormatOf(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]Format{
		"a/*.csv": FormatCSV, "*.CSV.gz": FormatCSV, "x.jsonl": FormatJSONL, "x.ndjson.gz": FormatJSONL,
		"day=*/*.parquet": FormatParquet, "x.parquet.gz": "", "x.txt": "", "x*": "", "": "", "*.gz": "",
	} {
		if got := formatOf(name); got != want {
			t.Errorf("formatOf(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestDidYouMean(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"fromat": "format", "formatt": "format", "FORMAT": "format", "tabels": "tables", "zzz": "", "": "",
		strings.Repeat("x", 10_000): "",
	} {
		got := didYouMean(word, []string{"format", "tables"})
		if (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("didYouMean(%.20q) = %q, want %q", word, got, want)
		}
	}
}

func TestZoneNeverHidesTheMachine(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "Local", "local", "Mars/Base", "../etc/passwd"} {
		var z Zone
		if z.UnmarshalText([]byte(name)) == nil {
			t.Errorf("zone %q accepted", name)
		}
	}
	if got := Zone("Mars/Base").Location().String(); got != "UTC" {
		t.Errorf("unknown zone is %s", got)
	}
}
