package config

import (
	"fmt"
	"strings"
)

// A Lookup finds a variable of the environment, like os.LookupEnv.
type Lookup func(name string) (value string, ok bool)

// expansion is the result of expanding one scalar.
type expansion struct {
	text string
	// leads: the text begins with a value from the environment.
	leads bool
	// literal is the text with defaults instead of values from the environment: what
	// stands in the file.
	literal string
	// mistakes are pieces that could not be expanded: what stands in the file,
	// and what is wrong with it.
	mistakes []mistake
}

type mistake struct{ source, message string }

// expand replaces ${NAME} and ${NAME:-default} in the text of one scalar; $$
// is a dollar, and any other dollar stays as it is. As in a shell, the default
// is used when the variable is unset or empty. It works on text that YAML has
// already been read from, so a value cannot bring in keys, lists or comments,
// and a value is not expanded again.
func expand(text string, env Lookup) expansion {
	var out, literal strings.Builder
	var e expansion
	for i := 0; i < len(text); {
		switch {
		case strings.HasPrefix(text[i:], "$$"):
			out.WriteByte('$')
			literal.WriteByte('$')
			i += 2
		case strings.HasPrefix(text[i:], "${"):
			size, value, fallback, fromEnv, wrong := variable(text[i:], env)
			if wrong != "" {
				e.mistakes = append(e.mistakes, mistake{source: text[i : i+size], message: wrong})
			}
			e.leads = e.leads || i == 0 && fromEnv && value != ""
			out.WriteString(value)
			literal.WriteString(fallback)
			i += size
		default:
			out.WriteByte(text[i])
			literal.WriteByte(text[i])
			i++
		}
	}
	e.text, e.literal = out.String(), literal.String()
	return e
}

// variable reads the ${...} that text begins with: its size in the text, its
// value, the default beside it, whether the value came from the environment, or what
// is wrong.
func variable(text string, env Lookup) (size int, value, fallback string, fromEnv bool, wrong string) {
	end := strings.IndexByte(text, '}')
	if end < 0 {
		return len(text), "", "", false, "${ without a closing }; expected ${NAME} or ${NAME:-default} (write $$ for a dollar)"
	}
	name, fallback, hasDefault := strings.Cut(text[2:end], ":-")
	if !isVariableName(name) {
		return end + 1, "", "", false, fmt.Sprintf("%q is not the name of a variable; expected ${NAME} or ${NAME:-default} (write $$ for a dollar)", name)
	}
	value, ok := env(name)
	switch {
	case ok && (value != "" || !hasDefault):
		return end + 1, value, fallback, true, ""
	case hasDefault:
		return end + 1, fallback, fallback, false, ""
	}
	return end + 1, "", "", false, fmt.Sprintf("the environment variable %s is not set; set it, or give a default as ${%s:-...}", name, name)
}

func isVariableName(s string) bool {
	for i, c := range s {
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}
