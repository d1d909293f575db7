package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// maxSize bounds a configuration file, in bytes.
const maxSize = 1 << 20

// Load reads and checks mainstay.yaml of a project's folder. env finds the
// variables that the file names, as os.LookupEnv does. Mistakes in the file
// come as one *Error that lists them all; a missing file satisfies
// errors.Is(err, fs.ErrNotExist).
func Load(projectDir string, env Lookup) (*Config, error) {
	cfg, err := load(projectDir, env)
	if err != nil {
		return nil, err
	}
	return cfg, nil
}

// LoadForTelling is Load for whoever only wants to tell people that Load gave an error:
// mistakes in keys that do not matter for that are left alone, and what was read is
// returned all the same. ok is false when it cannot be told whom to tell.
func LoadForTelling(projectDir string, env Lookup) (cfg *Config, ok bool) {
	cfg, err := load(projectDir, env)
	var list *Error
	if cfg == nil || err != nil && !errors.As(err, &list) {
		return nil, false
	}
	if list != nil {
		for _, p := range list.Problems {
			if p.Path == "" || p.Path == "data" || strings.HasPrefix(p.Path, "notify") {
				return nil, false
			}
		}
	}
	return cfg, true
}

// load is Load, but returns what could be read along with an *Error about it.
func load(projectDir string, env Lookup) (*Config, error) {
	file := filepath.Join(projectDir, FileName)
	src, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading configuration: there is no %s; create a project with `mainstay init DIR`, or name the folder of one with --project DIR (%w)",
			file, fs.ErrNotExist)
	}
	if err != nil {
		return nil, fmt.Errorf("reading configuration: %w", err)
	}
	working, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("reading configuration: finding the working directory: %w", err)
	}
	project, err := filepath.Abs(projectDir)
	if err != nil {
		return nil, fmt.Errorf("reading configuration: %w", err)
	}
	cfg, err := decode(file, roots{project, working}, src, env)
	if cfg != nil {
		cfg.ProjectDir = projectDir
	}
	return cfg, err
}

// parse reads the text of a file; file is the name for messages.
func parse(file string, from roots, src []byte, env Lookup) (*Config, error) {
	cfg, err := decode(file, from, src, env)
	if err != nil {
		return nil, err
	}
	return cfg, nil
}

// decode is parse, but returns what could be read along with an *Error about it.
func decode(file string, from roots, src []byte, env Lookup) (*Config, error) {
	if len(src) > maxSize {
		return nil, &Error{Problems: []Problem{{File: file, Line: 1, Column: 1,
			Message: fmt.Sprintf("the file is larger than %d bytes; expected a configuration, not data", maxSize)}}}
	}
	text := strings.TrimPrefix(strings.ReplaceAll(string(src), "\r\n", "\n"), "\ufeff")
	d := &decoder{file: file, roots: from, lines: strings.Split(text, "\n"), env: env,
		places: map[string]place{}, failed: map[string]bool{}}
	body, problem := readYAML(text)
	if problem != nil {
		problem.File, problem.Message = file, redact(problem.Message)
		return nil, &Error{Problems: []Problem{*problem}}
	}
	cfg := Default()
	cfg.Data = from.path(string(cfg.Data), false)
	d.value(body, place{1, 1}, "", "", reflect.ValueOf(cfg).Elem())
	d.check(cfg)
	return cfg, newError(d.problems)
}

// readYAML parses the text into a tree; nil for an empty file. The parser is
// kept behind a recover: a file that it panics on is a bad file, not a crash.
func readYAML(text string) (body ast.Node, problem *Problem) {
	defer func() {
		if r := recover(); r != nil {
			body, problem = nil, &Problem{Line: 1, Column: 1, Message: fmt.Sprintf("this is not YAML that can be read (%v)", r)}
		}
	}()
	// Keys given twice are allowed here because the decoder reports them all.
	file, err := parser.ParseBytes([]byte(text), 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, syntaxProblem(err, text)
	}
	for _, doc := range file.Docs {
		switch doc.Body.(type) {
		case nil, *ast.CommentGroupNode:
			continue
		case *ast.DirectiveNode:
			return nil, &Problem{Line: placeOf(doc.Body.GetToken()).line, Column: 1, Message: "YAML directives (%) are not read here; remove the line"}
		}
		if body != nil {
			at := placeOf(doc.Start)
			return nil, &Problem{Line: at.line, Column: at.column, Message: "a second document begins; expected one"}
		}
		body = doc.Body
	}
	return body, nil
}

func syntaxProblem(err error, text string) *Problem {
	p := &Problem{Line: 1, Column: 1, Message: "not valid YAML: " + err.Error()}
	var syntax *yaml.SyntaxError
	if errors.As(err, &syntax) {
		at := placeOf(syntax.Token)
		p.Line, p.Column, p.Message = at.line, at.column, "not valid YAML: "+syntax.Message
		lines := strings.Split(text, "\n")
		if strings.Contains(lines[min(at.line, len(lines))-1], "${") {
			p.Message += " (inside [ ] and { } a ${...} needs quotes around it)"
		}
	}
	return p
}
