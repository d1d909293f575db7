// Package scaffold writes a new project: a commented mainstay.yaml, an example
// SQL model, and what belongs beside them.
package scaffold

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

//go:embed template
var template embed.FS

// templateName is the project name that the template is written with.
const templateName = "my-shop"

// A .gitignore inside this repository would be obeyed by git itself.
var renamed = map[string]string{"gitignore": ".gitignore"}

// databaseReadme is the README of a project that reads a database.
const databaseReadme = "README.database.md"

// Write makes a project in dir, which is created if need be, and returns the
// files that it wrote, relative to dir. The project is named after the folder.
// It never overwrites: if one of the files exists already, nothing is written
// and the error, which satisfies errors.Is(err, fs.ErrExist), names them all.
func Write(dir string) ([]string, error) { return write(dir, "") }

// WriteDraft is Write with the text of a mainstay.yaml that reads a database.
func WriteDraft(dir, config string) ([]string, error) { return write(dir, config) }

func write(dir, config string) ([]string, error) {
	files, err := render(dir)
	if err != nil {
		return nil, fmt.Errorf("writing project: %w", err)
	}
	files = choose(files, config)
	var taken, names []string
	for _, f := range files {
		names = append(names, f.name)
		if _, err := os.Lstat(filepath.Join(dir, f.name)); err == nil {
			taken = append(taken, f.name)
		}
	}
	if len(taken) > 0 {
		return nil, fmt.Errorf("writing project: %s has %s already; choose another folder or move them away (%w)",
			dir, strings.Join(taken, ", "), fs.ErrExist)
	}
	for _, f := range files {
		if err := f.write(dir); err != nil {
			return nil, fmt.Errorf("writing project: %w", err)
		}
	}
	return names, nil
}

type file struct{ name, content string }

// choose takes the files of a project that reads files, or of one that reads a database
// with the given configuration.
func choose(files []file, config string) []file {
	var out []file
	readme := ""
	for _, f := range files {
		switch {
		case f.name == databaseReadme:
			readme = f.content
			continue
		case f.name == "mainstay.yaml" && config != "":
			f.content = config
		}
		out = append(out, f)
	}
	for i := range out {
		if out[i].name == "README.md" && config != "" {
			out[i].content = readme
		}
	}
	return out
}

// render lists the project's files, sorted by name in the template.
func render(dir string) ([]file, error) {
	name, err := ProjectName(dir)
	if err != nil {
		return nil, err
	}
	var files []file
	err = fs.WalkDir(template, "template", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := template.ReadFile(path)
		if err != nil {
			return err
		}
		target := strings.TrimPrefix(path, "template/")
		if other, ok := renamed[target]; ok {
			target = other
		}
		files = append(files, file{filepath.FromSlash(target), strings.ReplaceAll(string(content), templateName, name)})
		return nil
	})
	return files, err
}

var notInNames = regexp.MustCompile(`[^a-z0-9_]+`)

// ProjectName makes a valid project name of the folder's.
func ProjectName(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	name := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(filepath.Base(abs)), "-"), "-_")
	if name == "" || name[0] < 'a' || name[0] > 'z' {
		return templateName, nil
	}
	return name, nil
}

func (f file) write(dir string) error {
	path := filepath.Join(dir, f.name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	// O_EXCL: a file that appeared since the look is not overwritten either.
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = out.WriteString(f.content)
	return errors.Join(err, out.Close())
}
