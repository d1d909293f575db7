package sqlfiles

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	sqlExt     = ".sql"
	sidecarExt = ".yml"
	// root stands before every path in messages: models live in a folder sql.
	root = "sql"
)

// reader collects the models of one folder and all that is wrong with them.
type reader struct {
	fsys     fs.FS
	origin   Origin
	models   map[string]Model
	sidecars []string // paths
	problems []error
}

// readModels reads a folder of layers. Files that are neither SQL nor YAML, and
// hidden ones, are left alone.
func readModels(fsys fs.FS, origin Origin) (map[string]Model, error) {
	r := &reader{fsys: fsys, origin: origin, models: map[string]Model{}}
	err := fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return fmt.Errorf("reading %s: %w", path.Join(root, p), err)
		case p != "." && strings.HasPrefix(d.Name(), "."):
			if d.IsDir() {
				return fs.SkipDir
			}
		case !d.IsDir():
			r.file(p)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, p := range r.sidecars {
		r.sidecar(p)
	}
	return r.models, errors.Join(r.problems...)
}

func (r *reader) problem(p, format string, args ...any) {
	r.problems = append(r.problems, fmt.Errorf("%s: %w", path.Join(root, p), fmt.Errorf(format, args...)))
}

// file sorts one file by its ending. Models are read in the order of their paths.
func (r *reader) file(p string) {
	switch strings.ToLower(path.Ext(p)) {
	case sqlExt:
		r.model(p)
	case sidecarExt:
		r.sidecars = append(r.sidecars, p)
	case ".yaml":
		r.problem(p, "a sidecar ends in .yml: rename it to %s", path.Base(strings.TrimSuffix(p, path.Ext(p))+sidecarExt))
	}
}

func (r *reader) model(p string) {
	layer := Layer(path.Dir(p))
	if !slices.Contains(Layers(), layer) {
		r.problem(p, "a model must be directly in one of the folders %s", layerNames())
		return
	}
	if path.Ext(p) != sqlExt {
		r.problem(p, "expected the ending %s in lower case", sqlExt)
		return
	}
	name := strings.TrimSuffix(path.Base(p), sqlExt)
	if err := checkName(name); err != nil {
		r.problem(p, "%w", err)
		return
	}
	if twin, ok := r.models[name]; ok {
		r.problem(p, "table %s is already made by %s: a name may occur once over all layers", name, twin.Path)
		return
	}
	text, ok := r.text(p)
	if !ok {
		return
	}
	if isBlank(text) {
		r.problem(p, "the file holds no query: expected one SELECT (WITH ... SELECT)")
		return
	}
	r.models[name] = Model{Name: name, Layer: layer, Path: path.Join(root, p), SQL: text, Origin: r.origin}
}

func (r *reader) sidecar(p string) {
	name := strings.TrimSuffix(path.Base(p), path.Ext(p))
	m, ok := r.models[name]
	if !ok || m.Path != path.Join(root, path.Dir(p), name+sqlExt) {
		if _, err := fs.Stat(r.fsys, path.Join(path.Dir(p), name+sqlExt)); err == nil {
			return // that file has a problem of its own
		}
		r.problem(p, "there is no %s%s beside this sidecar: a sidecar describes the model of its name", name, sqlExt)
		return
	}
	text, ok := r.text(p)
	if !ok {
		return
	}
	s, err := ParseSidecar(path.Join(root, p), []byte(text))
	if err != nil {
		r.problems = append(r.problems, err)
		return
	}
	m.Sidecar = s
	r.models[name] = m
}

// text reads a file as UTF-8, without a byte order mark and with plain line ends.
func (r *reader) text(p string) (string, bool) {
	b, err := fs.ReadFile(r.fsys, p)
	if err != nil {
		r.problem(p, "reading file: %w", err)
		return "", false
	}
	if !utf8.Valid(b) {
		r.problem(p, "the file is not UTF-8 text: save it as UTF-8")
		return "", false
	}
	text := strings.TrimPrefix(string(b), "\ufeff")
	return strings.ReplaceAll(text, "\r\n", "\n"), true
}

// isBlank tells whether SQL is only space, semicolons and -- comments.
func isBlank(sql string) bool {
	for line := range strings.Lines(sql) {
		code, _, _ := strings.Cut(line, "--")
		if strings.Trim(code, " \t\r\n;") != "" {
			return false
		}
	}
	return true
}

func layerNames() string {
	var names []string
	for _, l := range Layers() {
		names = append(names, string(l)+"/")
	}
	return strings.Join(names, ", ")
}
