// Package durable puts finished files where readers find them so that a crash at any
// instruction leaves the old state or the new one: sync, rename, sync the directory.
package durable

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/mainstay-etl/mainstay/pipeline/fault"
)

// Digest is the SHA-256 (hex) and the size in bytes of a file.
func Digest(path string) (sum string, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, fmt.Errorf("opening file: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	if size, err = io.Copy(h, f); err != nil {
		return "", 0, fmt.Errorf("reading %s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), size, nil
}

// Sync makes a file's content, or a directory's names, durable.
func Sync(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("syncing: %w", err)
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return fmt.Errorf("syncing %s: %w", path, err)
	}
	return nil
}

// Move syncs a finished file, renames it to its final name (replacing what is there in
// one step) and makes the name durable. Both names must be on one file system.
func Move(from, to string) error {
	if err := Sync(from); err != nil {
		return err
	}
	if err := MkdirAll(filepath.Dir(to)); err != nil {
		return err
	}
	fault.Point("file written, not in its place")
	if err := os.Rename(from, to); err != nil {
		return fmt.Errorf("moving finished file into place: %w", err)
	}
	if err := Sync(filepath.Dir(to)); err != nil {
		return err
	}
	fault.Point("file in its place")
	return nil
}

// MkdirAll creates a directory with its parents, durably.
func MkdirAll(dir string) error {
	var made []string
	for d := dir; ; d = filepath.Dir(d) {
		if _, err := os.Stat(d); err == nil || d == filepath.Dir(d) {
			made = append(made, d)
			break
		}
		made = append(made, d)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("creating %s: %w", dir, err)
	}
	for _, d := range made[1:] {
		if err := Sync(d); err != nil {
			return err
		}
	}
	return nil
}
