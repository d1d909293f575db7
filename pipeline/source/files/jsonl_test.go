package files_test

import (
	"slices"
	"strings"
	"testing"
)

func TestJSONL(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		content   string
		sel       string // default *
		rows      []string
		malformed []string
	}{
		"values":          {content: `{"a": "x", "b": 1.50, "c": true, "d": null, "e": "é\n"}`, rows: []string{"1|x|1.5|true|NULL|é\n"}},
		"nested":          {content: `{"a": {"b": [1, {"c": "x"}]}, "l": [1, "2"]}`, rows: []string{`1|{"b":[1,{"c":"x"}]}|[1,"2"]`}},
		"nested in SQL":   {content: `{"a": {"b": [1, {"c": "x"}]}}`, sel: "_row, _file, a->>'$.b[1].c' AS c", rows: []string{"1|x"}},
		"keys differ":     {content: "{\"a\": 1}\n{\"b\": 2}\n{}\n", rows: []string{"1|1|NULL", "2|NULL|2", "3|NULL|NULL"}},
		"case of keys":    {content: "{\"Id\": 1}\n{\"id\": 2}\n{\"ID\": 3, \"id\": 4}\n", sel: "_file, _row, id", rows: []string{"1|1", "2|2", "3|3"}},
		"key twice":       {content: `{"a": 1, "a": 2}`, rows: []string{"1|1"}},
		"odd keys":        {content: `{"a\"b": 1, "a.b": 2, "*": 3, "a'b": 4, "a\\b": 5, "$": 6, "": 7, " ": 8, "a/b": 9, "ü": 10}`, rows: []string{"1|8|6|3|1|4|2|9|5|10"}},
		"own names":       {content: `{"_row": 7, "_file": "x"}`, sel: "_file, _row, _row_1, _file_1", rows: []string{"1|7|x"}},
		"big numbers":     {content: `{"a": 123456789012345678901234567890, "b": 9007199254740993}`, rows: []string{"1|123456789012345678901234567890|9007199254740993"}},
		"blank lines":     {content: "\n{\"a\": 1}\n  \n\t\n{\"a\": 2}\n\n", rows: []string{"1|1", "2|2"}},
		"bad lines":       {content: "{\"a\": 1}\nnonsense\n{\"a\": \n[1]\n7\n\"x\"\nnull\n{\"a\": 2}\n", rows: []string{"1|1", "8|2"}, malformed: []string{"2|record 2: not a JSON object|nonsense", "3|record 3: not a JSON object|{\"a\": ", "4|record 4: not a JSON object|[1]", "5|record 5: not a JSON object|7", "6|record 6: not a JSON object|\"x\"", "7|record 7: not a JSON object|null"}},
		"two on a line":   {content: `{"a": 1} {"a": 2}`, malformed: []string{`1|record 1: not a JSON object|{"a": 1} {"a": 2}`}},
		"only bad lines":  {content: "x\n", malformed: []string{"1|record 1: not a JSON object|x"}},
		"only empty ones": {content: "{}\n", sel: "_file, _row", rows: []string{"1"}},
		"key with byte 0": {content: `{"a\u0000": 1, "b": 2}`, rows: []string{"1|2"}},
		"key like a path": {content: `{"$.b": 1, "b": 2, "/b": 3, "0": 4, "~0": 5, "B\\": 6, "b\\": 7}`, rows: []string{"1|1|3|4|6|2|5"}},
		"invalid UTF-8":   {content: "{\"a\": \"\xff\"}\n{\"a\": 2}\n", rows: []string{"2|2"}, malformed: []string{"1|line 1: Invalid unicode (byte sequence mismatch) detected. This file is not utf-8 encoded.|{\"a\": \"?\"}"}},
		"byte 1":          {content: "{\"a\": 1}\n{\"a\": \"x\x01y\"}\nx\n{\"a\": 4}\n", rows: []string{"1|1", "4|4"}, malformed: []string{"2|line 2: Expected Number of Columns: 1 Found: 2|{\"a\": \"x\x01y\"}", "3|record 3: not a JSON object|x"}},
		"half a rune":     {content: "{\"a\": \"\\ud800\"}\n{\"a\": 2}\n", rows: []string{"2|2"}, malformed: []string{`1|record 1: not a JSON object|{"a": "\ud800"}`}},
		"byte order mark": {content: "\xef\xbb\xbf{\"a\": 1}\n", rows: []string{"1|1"}},
		"CRLF":            {content: "{\"a\": 1}\r\n{\"a\": 2}\r\n", rows: []string{"1|1", "2|2"}},
		"mixed line ends": {content: "{\"a\": 1}\r\n{\"a\": 2}\n{\"a\": 3}\r\n", rows: []string{"1|1", "2|2", "3|3"}},
		"quotes and such": {content: `{"a": "say \"x\", y"}`, rows: []string{`1|say "x", y`}},
		"empty":           {content: ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			if c.sel != "" {
				b.o.Selects["orders"] = "SELECT " + c.sel + " FROM input"
			}
			rows, malformed, err := b.land(b.write("one.jsonl", c.content))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(rows, c.rows) {
				t.Errorf("rows:\n got %q\nwant %q", rows, c.rows)
			}
			if !slices.Equal(malformed, c.malformed) {
				t.Errorf("malformed:\n got %q\nwant %q", malformed, c.malformed)
			}
		})
	}
}

// FuzzJSONL checks that any bytes at all are landed and accounted for.
func FuzzJSONL(f *testing.F) {
	for _, s := range []string{`{"a": 1}`, "{\"a\": {}}\r\n{\n\r", "\xef\xbb\xbf{}\n[\"\\ud83d\"]", "{\"\": 1, \"\\\"\": 2, \"A\\\\\": 3, \"a\\\\\": 4}", "{\"a\x01\": 1}\n\n{\"\\u0000\": 1}\n\xff"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		b := setup(t)
		b.o.Selects["orders"] = "SELECT _file, _row FROM input"
		if _, _, err := b.land(b.write("one.jsonl", string(content))); err != nil {
			t.Error(err)
		}
	})
}

func TestParquetKeepsTypes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.o.Selects["orders"] = "SELECT _file, _row, typeof(a) || typeof(b) AS types, strftime(c, '%H') AS hour FROM input"
	content := parquet(t, "SELECT 1::DECIMAL(18,4) AS a, TIMESTAMPTZ '2024-01-01 00:00:00+00' AS b, TIMESTAMPTZ '2024-07-01 00:00:00+00' AS c, 5 AS _ROW")
	rows, _, err := b.land(b.write("one.parquet", string(content)))
	if err != nil || !slices.Equal(rows, []string{"1|DECIMAL(18,4)TIMESTAMP WITH TIME ZONE|01"}) {
		t.Errorf("got %q, %v", rows, err)
	}
	if _, _, err := b.land(b.write("half.parquet", string(content[:len(content)/2]))); err == nil || !strings.Contains(err.Error(), "half.parquet") {
		t.Errorf("half a file: got %v", err)
	}
}
