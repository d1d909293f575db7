package e2e

import (
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what the queries of docs/worked-example.md give into it")

const workedExamplePage = "../docs/worked-example.md"

// workedExample runs every query of the page on a night of the real data: what follows a
// query is what it gives.
func workedExample(t *testing.T, data string) {
	t.Helper()
	page, err := os.ReadFile(workedExamplePage)
	if err != nil {
		t.Fatal(err)
	}
	const command, from, to = "mainstay query --data DIR \"", "```text\n", "```\n"
	out, rest, queries := "", string(page), 0
	for {
		before, after, ok := strings.Cut(rest, command)
		if !ok {
			break
		}
		sql, after, _ := strings.Cut(after, "\"\n")
		gap, after, ok := strings.Cut(after, from)
		shown, after, ended := strings.Cut(after, to)
		if !ok || !ended || strings.TrimSpace(gap) != "```" {
			t.Fatalf("no output follows the query %s", sql)
		}
		got := mainstay(t, nil, "query", "--data", data, sql).ok(t).stdout
		if got != shown && !*update {
			t.Errorf("%s\ngives\n%s\nthe page shows\n%s\n(go test ./e2e -run TestOnlineRetail -update with %s=1)", sql, got, shown, "MAINSTAY_TEST_LONG")
		}
		out += before + command + sql + "\"\n" + gap + from + got + to
		rest = after
		queries++
	}
	if queries < 7 {
		t.Errorf("%d queries on the page: its shape has changed, and it is not tested", queries)
	}
	if *update {
		if err := os.WriteFile(workedExamplePage, []byte(out+rest), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
