package duck

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Tables returns the names of the tables that a SELECT reads, sorted: in FROM, joins,
// subqueries and CTEs, without the CTEs themselves. It walks DuckDB's own parse tree
// (json_serialize_sql); text that is not one SELECT is an error.
func (s *Session) Tables(ctx context.Context, query string) ([]string, error) {
	tree, err := s.parse(ctx, query)
	if err != nil {
		return nil, err
	}
	found := map[string]bool{}
	walk(tree, nil, found)
	return slices.Sorted(maps.Keys(found)), nil
}

// parse gives the tree of the one SELECT that a text is.
func (s *Session) parse(ctx context.Context, query string) (any, error) {
	if query == s.parsed.query && s.parsed.tree != nil {
		return s.parsed.tree, nil
	}
	var doc string
	if err := s.Scan(ctx, "SELECT json_serialize_sql("+Quote(query)+")::VARCHAR", &doc); err != nil {
		return nil, err
	}
	var tree struct {
		Error      bool   `json:"error"`
		Message    string `json:"error_message"`
		Statements []any  `json:"statements"`
	}
	if err := json.Unmarshal([]byte(doc), &tree); err != nil {
		return nil, fmt.Errorf("reading DuckDB's parse tree: %w", err)
	}
	switch {
	case tree.Error:
		return nil, fmt.Errorf("parsing SQL: %s (a model is one SELECT)", tree.Message)
	case len(tree.Statements) != 1:
		return nil, errors.New("parsing SQL: a model is one SELECT statement")
	}
	s.parsed.query, s.parsed.tree = query, tree.Statements[0]
	return s.parsed.tree, nil
}

// walk collects BASE_TABLE names below node; ctes are the names that stand for CTEs
// in that scope. A CTE sees the ones before it, and itself when it is recursive.
func walk(node any, ctes []string, found map[string]bool) {
	switch n := node.(type) {
	case []any:
		for _, e := range n {
			walk(e, ctes, found)
		}
	case map[string]any:
		inner := ctes
		for _, c := range cteEntries(n) {
			if recursive(c.query) {
				inner = append(slices.Clip(inner), c.name)
				walk(c.query, inner, found)
				continue
			}
			walk(c.query, inner, found)
			inner = append(slices.Clip(inner), c.name)
		}
		if n["type"] == "BASE_TABLE" {
			addTable(n, inner, found)
		}
		for k, e := range n {
			if k != "cte_map" {
				walk(e, inner, found)
			}
		}
	}
}

func addTable(n map[string]any, ctes []string, found map[string]bool) {
	name, _ := n["table_name"].(string)
	schema, _ := n["schema_name"].(string)
	if schema == "" && slices.Contains(ctes, strings.ToLower(name)) {
		return
	}
	if schema != "" {
		name = schema + "." + name
	}
	found[strings.ToLower(name)] = true
}

type cte struct {
	name  string
	query any
}

// recursive tells whether a CTE refers to itself: DuckDB marks such a query.
func recursive(query any) bool {
	q, _ := query.(map[string]any)
	node, _ := q["node"].(map[string]any)
	return node["type"] == "RECURSIVE_CTE_NODE"
}

func cteEntries(n map[string]any) []cte {
	m, _ := n["cte_map"].(map[string]any)
	entries, _ := m["map"].([]any)
	var out []cte
	for _, e := range entries {
		kv, _ := e.(map[string]any)
		name, _ := kv["key"].(string)
		value, _ := kv["value"].(map[string]any)
		out = append(out, cte{strings.ToLower(name), value["query"]})
	}
	return out
}
