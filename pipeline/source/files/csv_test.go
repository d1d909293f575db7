package files_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/pipeline/source/files"
)

func TestCSV(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file      string // default one.csv
		content   string
		csv       *files.CSVOptions
		rows      []string // the record's number first
		malformed []string
	}{
		"plain":              {content: "a,b\n1,2\n3,4", rows: []string{"1|1|2", "2|3|4"}},
		"too many and few":   {content: "a,b\n1,2\n1,2,3\n4\n5,6\n7\n8,9\n", rows: []string{"1|1|2", "4|5|6", "6|8|9"}, malformed: []string{"2|line 3: Expected Number of Columns: 2 Found: 3|1,2,3", "3|line 4: Expected Number of Columns: 2 Found: 1|4", "5|line 6: Expected Number of Columns: 2 Found: 1|7"}},
		"all malformed":      {content: "a,b\n1\n2\n", malformed: []string{"1|line 2: Expected Number of Columns: 2 Found: 1|1", "2|line 3: Expected Number of Columns: 2 Found: 1|2"}},
		"text after quote":   {content: "a,b\n1,\"x\"y\n3,4\n", rows: []string{"2|3|4"}, malformed: []string{"1|line 2: Value with unterminated quote found.|1,\"x\"y"}},
		"open quote":         {content: "a,b\n1,2\n3,\"x\n5,6\n", rows: []string{"1|1|2"}, malformed: []string{"2|line 3: Value with unterminated quote found.|3,\"x\n5,6"}},
		"quote within":       {content: "a,b\n1,5\"\n", rows: []string{"1|1|5\""}},
		"doubled quote":      {content: "a,b\n1,\"say \"\"x\"\"\"\n", rows: []string{`1|1|say "x"`}},
		"invalid UTF-8":      {content: "a,b\n1,\xff\xfe\n3,\"é\"\n", rows: []string{"2|3|é"}, malformed: []string{"1|line 2: Invalid unicode (byte sequence mismatch) detected. This file is not utf-8 encoded.|1,??"}},
		"quoted newlines":    {content: "a,b\n\"x\ny\",2\n1\n\"u\r\n\nv\",3\n", rows: []string{"1|x\ny|2", "3|u\r\n\nv|3"}, malformed: []string{"2|line 3: Expected Number of Columns: 2 Found: 1|1"}},
		"byte order mark":    {content: "\xef\xbb\xbfa,b\n1,2\n", rows: []string{"1|1|2"}},
		"mark, then quote":   {content: "\xef\xbb\xbf\"a\",b\n1,2\n", rows: []string{"1|1|2"}},
		"CRLF":               {content: "a,b\r\n1,2\r\n3\r\n4,5\r\n", rows: []string{"1|1|2", "3|4|5"}, malformed: []string{"2|line 3: Expected Number of Columns: 2 Found: 1|3"}},
		"CR":                 {content: "a,b\r1,2\r3,4", rows: []string{"1|1|2", "2|3|4"}},
		"mixed line ends":    {content: "a,b\r\n1,2\n\"x\r\ny\",4\r\n5\n6,7\r\n", rows: []string{"1|1|2", "2|x\r\ny|4", "4|6|7"}, malformed: []string{"3|line 4: Expected Number of Columns: 2 Found: 1|5"}},
		"stray CR":           {content: "a,b\n1,2\nx\ry,3\n4,5\n", rows: []string{"1|1|2", "3|y|3", "4|4|5"}, malformed: []string{"2|line 3: Expected Number of Columns: 2 Found: 1|x"}},
		"empty":              {content: ""},
		"only a mark":        {content: "\xef\xbb\xbf"},
		"only blank lines":   {content: "\n\r\n\n"},
		"header only":        {content: "a,b"},
		"header and newline": {content: "a,b\n"},
		"blank lines":        {content: "\n\r\na,b\n\n1,2\n\n\n3,4\n\n", rows: []string{"1|1|2", "2|3|4"}},
		"blank at start":     {content: "\n\na,b\n1,2\n3\n", rows: []string{"1|1|2"}, malformed: []string{"2|line 5: Expected Number of Columns: 2 Found: 1|3"}},
		"trailing delimiter": {content: "a,b\n1,2,\n3,\n", rows: []string{"1|1|2", "2|3|NULL"}},
		"two zips in one":    {file: "one.csv.gz", content: string(zip(t, "a,b\n1,2\n")) + string(zip(t, "3,4\n")), rows: []string{"1|1|2", "2|3|4"}},
		"quoted header":      {content: "\"a\nx\", b ,\"c\"\n1,2,3\n4\n", rows: []string{"1|1|2|3"}, malformed: []string{"2|line 3: Expected Number of Columns: 3 Found: 1; Expected Number of Columns: 3 Found: 2|4"}},
		"nulls by default":   {content: "a,b\n,\"\"\nNULL,0\n", rows: []string{"1|NULL|NULL", "2|NULL|0"}},
		"null strings":       {content: "a,b\nNA,-\n,0\n", csv: &files.CSVOptions{Header: true, Quote: `"`, NullStrings: []string{"NA", "-"}}, rows: []string{"1|NULL|NULL", "2||0"}},
		"delimiter":          {content: "a;b\n1,5;2\n", csv: &files.CSVOptions{Header: true, Quote: `"`, Delimiter: ";"}, rows: []string{"1|1,5|2"}},
		"tabs":               {content: "a\tb\n\"1\t5\"\t2\n", csv: &files.CSVOptions{Header: true, Quote: `"`, Delimiter: "\t"}, rows: []string{"1|1\t5|2"}},
		"other quote":        {content: "'a,x',b\n'1,5','it''s'\n\"2,3\n", csv: &files.CSVOptions{Header: true, Quote: `'`}, rows: []string{"1|1,5|it's", "2|\"2|3"}},
		"no quote":           {content: "a\"x,b\n\"1,2\n", csv: &files.CSVOptions{Header: true}, rows: []string{"1|\"1|2"}},
		"no header":          {content: "1,2\n3\n4,5\n", csv: &files.CSVOptions{Quote: `"`}, rows: []string{"1|1|2", "3|4|5"}, malformed: []string{"2|line 2: Expected Number of Columns: 2 Found: 1|3"}},
		"no header, same":    {content: "\xef\xbb\xbf\n1,1\n", csv: &files.CSVOptions{Quote: `"`}, rows: []string{"1|1|1"}},
		"one column":         {content: "a\n1\n2,x\n3\n", rows: []string{"1|1", "3|3"}, malformed: []string{"2|line 3: Expected Number of Columns: 1 Found: 2|2,x"}},
		"own names":          {content: "_row,_FILE\n5,x\n", rows: []string{"1|5|x"}},
		"odd names":          {content: "sélect,it's \"x\"\n5,x\n", rows: []string{"1|5|x"}},
		"zipped":             {file: "ONE.CSV.GZ", content: string(zip(t, "a,b\n1,2\n3\n")), rows: []string{"1|1|2"}, malformed: []string{"2|line 3: Expected Number of Columns: 2 Found: 1|3"}},
		"zipped and mixed":   {file: "one.csv.gz", content: string(zip(t, "\xef\xbb\xbfa,b\r\n1,2\n")), rows: []string{"1|1|2"}},
		"zipped, empty":      {file: "one.csv.gz", content: string(zip(t, ""))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			if c.csv != nil {
				b.o.CSV = *c.csv
			}
			if c.file == "" {
				c.file = "one.csv"
			}
			rows, malformed, err := b.land(b.write(c.file, c.content))
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

func TestNamesOfColumns(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.o.Selects["orders"] = `SELECT " A " || column1 AS x, _file, _row FROM (SELECT a AS " A ", column1 FROM input JOIN (SELECT 'y' AS column1) ON true), (SELECT _file, _row FROM input)`
	if rows, _, err := b.land(b.write("one.csv", " A ,b\n1,2\n")); err != nil || !slices.Equal(rows, []string{"1y|1"}) {
		t.Errorf("blanks around a name: got %v, %v", rows, err)
	}
	b.o.CSV.Header = false
	b.o.Selects["orders"] = "SELECT column1 AS x, _file, _row FROM input"
	if rows, _, err := b.land(b.write("two.csv", "1,2\n")); err != nil || !slices.Equal(rows, []string{"2|1"}) {
		t.Errorf("no header: got %v, %v", rows, err)
	}
}

func TestUnreadableCSV(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ file, content, want string }{
		"two columns of a name": {"one.csv", "a,b, A \n1,2,3\n", `line 1, the header: two columns are named "A" (case does not count)`},
		"after blank lines":     {"one.csv", "\n\na,a\n1,2\n", `line 3, the header: two columns are named "a"`},
		"no name":               {"one.csv", "a,,b\n1,2,3\n", "line 1, the header: column 2 has no name"},
		"no name at the end":    {"one.csv", "a,b,\n1,2,3\n", "line 1, the header: column 3 has no name"},
		"not zipped":            {"one.csv.gz", "a,b\n1,2\n", "unzipping"},
		"half a zip":            {"one.csv.gz", string(zip(t, strings.Repeat("a,b\n1,2\n", 1000))[:40]), "is the file complete?"},
		"half a zipped JSONL":   {"one.jsonl.gz", string(zip(t, strings.Repeat("{}\n", 1000))[:30]), "is the file complete?"},
		"byte 0 in a name":      {"one.csv", "a\x00,b\n1,2\n", "line 1, the header: column 1 has no name"},
		"not Parquet":           {"one.parquet", "a,b\n1,2\n", "one.parquet"},
		"empty Parquet":         {"one.parquet", "", "one.parquet"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			path := b.write(c.file, c.content)
			_, _, err := b.land(path)
			if err == nil || !strings.Contains(err.Error(), "source shop: reading "+path) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want the file and %q", err, c.want)
			}
		})
	}
}

func TestVeryLongLines(t *testing.T) {
	t.Parallel()
	b := setup(t)
	long := strings.Repeat("x", 1<<20)
	rows, _, err := b.land(b.write("long.csv", "a,b\n1,"+long+"\n3,4\n"))
	if want := []string{"1|1|" + long, "2|3|4"}; err != nil || !slices.Equal(rows, want) {
		t.Errorf("a line of 1 MiB: got %d rows, %v", len(rows), err)
	}
	tooLong := strings.Repeat("x", 33<<20)
	for _, file := range []string{"too.csv", "too.jsonl"} {
		content := "a,b\n1,2\n" + tooLong + ",2\n3,4\n"
		want := []string{"1|1|2", "3|3|4"}
		if file == "too.jsonl" {
			content, want = "{\"a\": 1}\n{\"a\": \""+tooLong+"\"}\n{\"a\": 3}\n", []string{"1|1", "3|3"}
		}
		rows, malformed, err := b.land(b.write(file, content))
		if err != nil || !slices.Equal(rows, want) {
			t.Errorf("%s: got %q, %v", file, rows, err)
		}
		if len(malformed) != 1 || !strings.Contains(malformed[0], "Maximum line size of 33554432 bytes exceeded") {
			t.Errorf("%s: got %d malformed, want the long line", file, len(malformed))
		}
	}
}

// Many malformed records, spread over many chunks, are all accounted for and numbered.
func TestManyMalformed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var content strings.Builder
	content.WriteString("a,b\n")
	for i := range 20000 {
		if content.WriteString("x"); i%3 > 0 {
			content.WriteString(",y")
		}
		content.WriteString("\n")
	}
	rows, malformed, err := b.land(b.write("one.csv", content.String()))
	if err != nil || len(rows) != 13333 || len(malformed) != 6667 {
		t.Fatalf("got %d rows, %d malformed, %v", len(rows), len(malformed), err)
	}
	if rows[13332] != "20000|x|y" && rows[13332] != "19999|x|y" {
		t.Errorf("last row: got %s", rows[13332])
	}
	if !strings.HasPrefix(malformed[6666], "19999|line 20000:") {
		t.Errorf("last malformed: got %s", malformed[6666])
	}
}

// FuzzCSV checks that any bytes at all are landed or refused, and accounted for.
func FuzzCSV(f *testing.F) {
	for _, s := range []string{"a,b\n1,2\n", "a\r\n\"x\n", "\xef\xbb\xbfa,b\r1\n2,3\r\n", "a,b\n\"\"\"\",\"\n\n", "a\x00,b\n\x00,1\n", "a,b\n\xff\xc3,1\r2,3\r\n,"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		b := setup(t)
		b.o.Selects["orders"] = "SELECT _file, _row FROM input"
		if _, _, err := b.land(b.write("one.csv", string(content))); err != nil && !strings.Contains(err.Error(), "the header") {
			t.Error(err)
		}
	})
}

// What is written with quotes comes back as it was, whatever the line ends are.
func TestCSVRoundTrip(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 0))
		ends := [][]string{{"\n"}, {"\r\n"}, {"\r"}, {"\n", "\r\n"}, {"\n", "\r\n", "\r"}}[rng.IntN(5)]
		content, want := strings.Builder{}, []string(nil)
		content.WriteString("a,b" + ends[0])
		for i := range rng.IntN(6) {
			row := fmt.Sprint(i + 1)
			for k := range 2 {
				cell := ""
				for range rng.IntN(4) {
					cell += []string{"x", ",", `"`, "\n", "\r", "\r\n", "é", " "}[rng.IntN(8)]
				}
				content.WriteString([]string{"", ","}[k] + `"` + strings.ReplaceAll(cell, `"`, `""`) + `"`)
				row += "|" + cmp.Or(cell, "NULL")
			}
			content.WriteString(ends[rng.IntN(len(ends))])
			want = append(want, row)
		}
		rows, malformed, err := b.land(b.write("one.csv", content.String()))
		if err != nil || !slices.Equal(rows, want) || malformed != nil {
			t.Errorf("seed %d: %q:\n got %q, malformed %q, %v\nwant %q", seed, content.String(), rows, malformed, err, want)
		}
	}
}
