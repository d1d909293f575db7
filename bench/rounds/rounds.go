// Package rounds is what the benchmarks have in common: everybody runs in turn, several
// rounds, and a table tells the medians. It owns the flags that are lists and paths, the
// helper programs, and how figures are put together and written.
package rounds

import (
	"cmp"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Names reads a flag that is a list, separated by commas or spaces.
func Names(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}

// Absolute makes flags that are paths absolute; empty ones stay so.
func Absolute(paths ...*string) error {
	for _, path := range paths {
		if *path == "" {
			continue
		}
		absolute, err := filepath.Abs(*path)
		if err != nil {
			return fmt.Errorf("resolving %s: %w", *path, err)
		}
		*path = absolute
	}
	return nil
}

// Command runs a program to its end; what it printed is told when it fails.
func Command(ctx context.Context, name string, args ...string) error {
	if out, err := exec.CommandContext(ctx, name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("running %s: %w\n%s", filepath.Base(name), err, out)
	}
	return nil
}

// Python makes a virtual environment in a folder, with packages from PyPI, and returns its
// interpreter.
func Python(ctx context.Context, venv string, packages ...string) (string, error) {
	python := filepath.Join(venv, "bin", "python")
	if err := Command(ctx, "python3", "-m", "venv", venv); err != nil {
		return "", err
	}
	return python, Command(ctx, python, append([]string{"-m", "pip", "install", "--quiet"}, packages...)...)
}

// Median of a figure over the rounds; there must be one.
func Median[R any](rs []R, of func(R) float64) float64 {
	values := make([]float64, len(rs))
	for i, r := range rs {
		values[i] = of(r)
	}
	return Middle(values)
}

// Middle is the median of numbers, of which there must be one. It sorts them.
func Middle(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}

// Worst is the largest of a figure over the rounds; there must be one.
func Worst[R any, N cmp.Ordered](rs []R, of func(R) N) N {
	most := of(rs[0])
	for _, r := range rs {
		most = max(most, of(r))
	}
	return most
}

// MB is in units of 2^20 bytes, as limits of memory are.
func MB(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// Thousands writes a number with commas.
func Thousands[N int | int64](n N) string {
	text := strconv.FormatInt(int64(n), 10)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}
