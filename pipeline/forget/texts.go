package forget

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// proveText reads a file string by string: in JSON the strings, for a number may be the
// same as an id; of what is no JSON every line.
func (f Files) proveText(path, rel string, out *Proof) (err error) {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("reading %s: %w", rel, err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	r := bufio.NewReaderSize(file, 1<<20)
	for number := 1; ; number++ {
		line, err := r.ReadString('\n')
		switch named, mentioned := f.People.inLine(line, filepath.Ext(path)); {
		case named:
			out.trace(fmt.Sprintf("%s, line %d", rel, number), 1)
		case mentioned:
			out.mention(kindOf(rel), 1)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading %s: %w", rel, err)
		}
	}
}

// inLine tells whether a line of a file with some ending names one of the people, or has
// an id all the same.
func (p People) inLine(line, ending string) (named, mentioned bool) {
	if p.said.MatchString(line) {
		return true, true
	}
	if !p.Mentioned(line) && !strings.Contains(line, `\`) { // JSON may write an id otherwise
		return false, false
	}
	texts := []string{line}
	document, _, _ := strings.Cut(line, "\t") // a line of the redo log ends in a checksum
	var v any
	if json.Unmarshal([]byte(document), &v) == nil {
		texts = stringsIn(v, nil)
	} else if ending == ".json" || ending == ".model" {
		texts = quoted(line) // a line of a longer document
	}
	return slices.ContainsFunc(texts, p.Named), slices.ContainsFunc(texts, p.Mentioned)
}

// quoted is what stands in quotes.
func quoted(line string) (out []string) {
	parts := strings.Split(line, `"`)
	for i := 1; i < len(parts); i += 2 {
		out = append(out, parts[i])
	}
	return out
}

// stringsIn adds the strings of a JSON value, names of its parts among them.
func stringsIn(v any, to []string) []string {
	switch v := v.(type) {
	case string:
		to = append(to, v)
	case []any:
		for _, e := range v {
			to = stringsIn(e, to)
		}
	case map[string]any:
		for k, e := range v {
			if to = append(to, k); holdsPeople(k) {
				to = append(to, fmt.Sprintf("%s=%v", person, e))
			}
			to = stringsIn(e, to)
		}
	}
	return to
}
