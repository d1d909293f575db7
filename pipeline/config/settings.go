package config

import (
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// settingKeys are the keys that decide what SQL models make of the same rows.
var settingKeys = []string{"time_zone", "history", "cross_sell", "margin", "risk_bands", "mining"}

// With returns the configuration with some settings changed: text is YAML as in
// mainstay.yaml, of keys that decide what SQL models make of the same rows. file and
// line say where the text begins, for messages. Mistakes come as one *Error that lists
// them all; c itself stays as it is.
func (c *Config) With(file string, line int, text string) (*Config, error) {
	text = strings.Repeat("\n", max(line-1, 0)) + text // so that problems have the lines of the file
	d := &decoder{file: file, lines: strings.Split(text, "\n"), env: func(string) (string, bool) { return "", false },
		places: map[string]place{}, failed: map[string]bool{}}
	body, problem := readYAML(text)
	if problem != nil {
		problem.File, problem.Message = file, redact(problem.Message)
		return nil, &Error{Problems: []Problem{*problem}}
	}
	out := *c
	if m, ok := body.(ast.MapNode); ok {
		for iter := m.MapRange(); iter.Next(); {
			if key, ok := keyText(iter.Key()); ok && !slices.Contains(settingKeys, key) {
				d.fail(placeOf(iter.Key().GetToken()), key, "this decides nothing here; expected %s%s", list(settingKeys), didYouMean(key, settingKeys))
			}
		}
	} else if body != nil {
		d.fail(place{max(line, 1), 1}, "", "expected keys and values as in %s, got %s", FileName, describe(body))
	}
	if len(d.problems) == 0 {
		d.value(body, place{max(line, 1), 1}, "", "", reflect.ValueOf(&out).Elem())
		d.checkSettings(&out)
	}
	if err := newError(d.problems); err != nil {
		return nil, err
	}
	return &out, nil
}
