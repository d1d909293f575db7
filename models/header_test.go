package models

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files")

// fake is an estimator with a fixed payload.
type fake struct {
	payload string
	members int
}

func (f *fake) Kind() string                                           { return "fake" }
func (f *fake) Params() any                                            { return map[string]int{"trees": 2, "max_depth": 10} }
func (f *fake) Fit(context.Context, Training) error                    { return nil }
func (f *fake) Features() []string                                     { return []string{"recency_days", "orders_90"} }
func (f *fake) Members() int                                           { return f.members }
func (f *fake) PredictProba(*Frame) ([]float64, error)                 { return nil, nil }
func (f *fake) Explain(*Frame, int, []float64) (base float64, e error) { return 0, nil }
func (f *fake) MarshalBinary() ([]byte, error)                         { return []byte(f.payload), nil }
func (f *fake) UnmarshalBinary(b []byte) error                         { f.payload = string(b); return nil }

func saveFake(t *testing.T) (string, Header) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model")
	h, err := WriteModel(path, Header{
		Task: "churn", Seed: 7, Cutoffs: []string{"2011-03-01", "2011-06-01"}, HorizonDays: 90, Rows: 100, Positives: 40,
		Calibrator: json.RawMessage(`{"name":"platt","a":1.1,"b":-0.2}`), Report: json.RawMessage(`{"split":"in words"}`),
	}, &fake{"payload\nwith a line", 2})
	if err != nil {
		t.Fatal(err)
	}
	return path, h
}

func decodeFake(Header) (Estimator, error) { return &fake{members: 2}, nil }

// TestModelFile pins the format: change FormatVersion when this must change.
func TestModelFile(t *testing.T) {
	t.Parallel()
	path, written := saveFake(t)
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/model_v2.golden"
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the file is now\n%s\nwant\n%s", got, want)
	}
	h, e, err := ReadModel(golden, decodeFake)
	if err != nil {
		t.Fatal(err)
	}
	if h.Version != written.Version || e.(*fake).payload != "payload\nwith a line" {
		t.Errorf("read version %s and %q", h.Version, e.(*fake).payload)
	}
}

// TestEarlierFormats: files of earlier programs are read as they were meant.
func TestEarlierFormats(t *testing.T) {
	t.Parallel()
	h, e, err := ReadModel("testdata/model_v1.golden", decodeFake)
	if err != nil {
		t.Fatal(err)
	}
	if h.Version != "2011-06-01-a6331aca" || h.Calibrator != nil || e.(*fake).payload != "payload\nwith a line" {
		t.Errorf("read version %s, calibrator %s", h.Version, h.Calibrator)
	}
}

func TestModelFileErrors(t *testing.T) {
	t.Parallel()
	path, _ := saveFake(t)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	read := func(raw []byte, decode func(Header) (Estimator, error)) error {
		bad := filepath.Join(t.TempDir(), "bad")
		if err := os.WriteFile(bad, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err := ReadModel(bad, decode)
		return err
	}
	for i := range good { // every single damaged byte is noticed
		raw := bytes.Clone(good)
		raw[i] ^= 1
		if err := read(raw, decodeFake); !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrNewerFormat) {
			t.Fatalf("byte %d damaged: %v", i, err)
		}
	}
	for n := range good {
		if err := read(good[:n], decodeFake); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("cut after %d bytes: %v", n, err)
		}
	}
	newer := bytes.Replace(good, []byte("mainstay-model 2 "), []byte("mainstay-model 3 "), 1)
	if err := read(newer, decodeFake); !errors.Is(err, ErrNewerFormat) {
		t.Errorf("newer format: %v", err)
	}
	short := func(Header) (Estimator, error) { return &fake{members: 1}, nil }
	if err := read(good, short); !errors.Is(err, ErrCorrupt) {
		t.Errorf("fewer trees than the header says: %v", err)
	}
	if _, _, err := ReadModel("no such file", decodeFake); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}
