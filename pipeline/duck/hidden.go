package duck

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// pureTableFunctions make rows of their arguments alone; all others read files, the
// catalog or the network.
var pureTableFunctions = []string{"unnest", "range", "generate_series"}

// clockWords are functions that SQL writes without parentheses.
var clockWords = []string{"current_date", "current_time", "current_timestamp", "localtime", "localtimestamp"}

// Hidden returns what a SELECT uses besides its tables: functions of the clock, of
// chance or of the session, and table functions that read files. Their results are not
// decided by the data, so a model that uses them could not be made again. The session's
// own table macros, made before the first call, are not among them. Sorted.
func (s *Session) Hidden(ctx context.Context, query string) ([]string, error) {
	tree, err := s.parse(ctx, query)
	if err != nil {
		return nil, err
	}
	used := map[string]bool{}
	calls := map[string]bool{}
	collectHidden(tree, used, calls)
	if len(used)+len(calls) == 0 {
		return nil, nil
	}
	if err := s.listFunctions(ctx); err != nil {
		return nil, err
	}
	for name := range used {
		if s.macros[name] {
			delete(used, name)
		}
	}
	for name := range calls {
		if s.unstable[name] {
			used[name] = true
		}
	}
	return slices.Sorted(maps.Keys(used)), nil
}

// listFunctions lists the functions whose results are not decided by their arguments,
// and the session's own table macros: whoever opened the session made them. That takes
// DuckDB longer than reading a model, so it is done once.
func (s *Session) listFunctions(ctx context.Context) error {
	if s.unstable != nil {
		return nil
	}
	r, err := s.Query(ctx, "SELECT DISTINCT function_name, function_type = 'table_macro' FROM duckdb_functions() "+
		"WHERE stability <> 'CONSISTENT' AND function_name <> 'error' OR function_type = 'table_macro' AND NOT internal")
	if err != nil {
		return fmt.Errorf("listing functions: %w", err)
	}
	s.unstable, s.macros = map[string]bool{}, map[string]bool{}
	for _, row := range r.Rows {
		name, _ := row[0].(string)
		if macro, _ := row[1].(bool); macro {
			s.macros[strings.ToLower(name)] = true
		} else if name != "" {
			s.unstable[name] = true
		}
	}
	return nil
}

// collectHidden puts table functions that read and bare clock words into used, and the
// names of all other functions into calls.
func collectHidden(node any, used, calls map[string]bool) {
	switch n := node.(type) {
	case []any:
		for _, e := range n {
			collectHidden(e, used, calls)
		}
	case map[string]any:
		switch n["type"] {
		case "TABLE_FUNCTION":
			if f, ok := n["function"].(map[string]any); ok {
				if name := functionName(f); !slices.Contains(pureTableFunctions, name) {
					used[name] = true
				}
			}
		case "FUNCTION":
			calls[functionName(n)] = true
		case "COLUMN_REF":
			if names, ok := n["column_names"].([]any); ok && len(names) == 1 {
				if word, _ := names[0].(string); slices.Contains(clockWords, strings.ToLower(word)) {
					used[strings.ToLower(word)] = true
				}
			}
		}
		for _, e := range n {
			collectHidden(e, used, calls)
		}
	}
}

func functionName(n map[string]any) string {
	name, _ := n["function_name"].(string)
	return strings.ToLower(name)
}
