package duck

import (
	"context"
	"strings"
)

// Constants returns the columns, in lower case, that a SELECT gives the same value in
// every row because it makes them of no column at all. Only the list of one plain
// SELECT is looked at: what comes from a subquery or a UNION is not found.
func (s *Session) Constants(ctx context.Context, query string) ([]string, error) {
	tree, err := s.parse(ctx, query)
	if err != nil {
		return nil, err
	}
	statement, _ := tree.(map[string]any)
	node, _ := statement["node"].(map[string]any)
	list, _ := node["select_list"].([]any)
	var out []string
	for _, e := range list {
		item, _ := e.(map[string]any)
		if alias, _ := item["alias"].(string); alias != "" && !reads(item) {
			out = append(out, strings.ToLower(alias))
		}
	}
	return out, nil
}

// reads tells whether an expression reads a column.
func reads(node any) bool {
	switch n := node.(type) {
	case []any:
		for _, e := range n {
			if reads(e) {
				return true
			}
		}
	case map[string]any:
		switch n["class"] {
		case "COLUMN_REF", "STAR", "SUBQUERY":
			return true
		}
		for _, e := range n {
			if reads(e) {
				return true
			}
		}
	}
	return false
}
