package contract

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the generated parts of docs/contract.md")

const docPath = "../../docs/contract.md"

// TestDoc keeps the tables of docs/contract.md what the code says. They stand between
// the markers <!-- contract:NAME --> and <!-- /contract:NAME -->; the words around
// them are written by hand. `go test ./pipeline/contract -update` writes them.
func TestDoc(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(docPath)
	if err != nil {
		t.Fatal(err)
	}
	want := string(raw)
	for name, text := range docParts() {
		if want, err = replacePart(want, name, text); err != nil {
			t.Fatalf("%s: %v", docPath, err)
		}
	}
	if want == string(raw) {
		return
	}
	if !*update {
		t.Fatalf("%s is not what the contract says: run go test ./pipeline/contract -update and commit the result", docPath)
	}
	if err := os.WriteFile(docPath, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// docParts are the generated parts of the page by the name of their markers.
func docParts() map[string]string {
	parts := map[string]string{}
	for _, table := range Tables() {
		parts[table.Name] = tableDoc(table)
		parts[table.Name+"-reasons"] = inCode(table.Reasons())
	}
	return parts
}

// tableDoc describes a table in Markdown.
func tableDoc(t Table) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s Key: %s. Event time: `%s`.\n\n", t.Grain, inCode(t.Key), t.EventTime)
	b.WriteString("| column | type | required | default | meaning |\n|---|---|---|---|---|\n")
	for _, c := range t.Columns {
		required, standard := "", ""
		if c.Required {
			required = "yes"
		}
		if c.Default != "" {
			standard = "`" + c.Default + "`"
		}
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s | %s |\n", c.Name, c.Type, required, standard, strings.ReplaceAll(c.Meaning, "|", `\|`))
	}
	return strings.TrimRight(b.String(), "\n")
}

// inCode writes a list of names.
func inCode(names []string) string { return "`" + strings.Join(names, "`, `") + "`" }

// replacePart puts text between the markers of a name, each of which must occur once.
func replacePart(doc, name, text string) (string, error) {
	from, to := "<!-- contract:"+name+" -->", "<!-- /contract:"+name+" -->"
	if strings.Count(doc, from) != 1 || strings.Count(doc, to) != 1 {
		return "", fmt.Errorf("expected the markers %s and %s once each", from, to)
	}
	before, rest, _ := strings.Cut(doc, from)
	_, after, ok := strings.Cut(rest, to)
	if !ok {
		return "", fmt.Errorf("the marker %s stands before %s", to, from)
	}
	return before + from + "\n\n" + text + "\n\n" + to + after, nil
}

func TestReplacePart(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, doc, want, wantErr string
	}{
		{"new", "a\n<!-- contract:x -->\n<!-- /contract:x -->\nb", "a\n<!-- contract:x -->\n\ntext\n\n<!-- /contract:x -->\nb", ""},
		{"stale", "<!-- contract:x -->\nold\n<!-- /contract:x -->", "<!-- contract:x -->\n\ntext\n\n<!-- /contract:x -->", ""},
		{"none", "a", "", "expected the markers <!-- contract:x --> and <!-- /contract:x --> once each"},
		{"open", "<!-- contract:x -->", "", "expected the markers <!-- contract:x --> and <!-- /contract:x --> once each"},
		{"turned", "<!-- /contract:x --><!-- contract:x -->", "", "the marker <!-- /contract:x --> stands before <!-- contract:x -->"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := replacePart(tt.doc, "x", "text")
			if got != tt.want || message(err) != tt.wantErr {
				t.Errorf("got %q, %q, want %q, %q", got, message(err), tt.want, tt.wantErr)
			}
		})
	}
}
