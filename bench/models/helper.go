package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"syscall"
	"time"

	"github.com/mainstay-etl/mainstay/bench/rounds"
	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/boost"
	"github.com/mainstay-etl/mainstay/models/golearnx"
)

// settings are the same for everybody.
type settings struct {
	Trees        int     `json:"trees"`
	Leaves       int     `json:"leaves"`
	LearningRate float64 `json:"learning_rate"`
	Bins         int     `json:"bins"`
	ForestTrees  int     `json:"forest_trees"`
	ForestDepth  int     `json:"forest_depth"`
	ForestLeaf   int     `json:"forest_leaf"`
	Threads      int     `json:"threads"`
	Predictions  int     `json:"predictions"` // how often the held-out rows are scored
	Dir          string  `json:"dir"`
	Profile      string  `json:"profile,omitempty"`
}

// outcome is what a contestant prints, as JSON.
type outcome struct {
	Version string  `json:"version"`
	Load    float64 `json:"load"` // seconds, not counted
	Fit     float64 `json:"fit"`
	Predict float64 `json:"predict"` // the median
	// Seconds of all threads: in fit, and the median of scoring.
	CPU        float64 `json:"cpu"`
	PredictCPU float64 `json:"predict_cpu"`
	// Bytes: resident with the rows in memory, and the peak of the process after that.
	Loaded int64 `json:"loaded"`
	Peak   int64 `json:"peak"`
}

const predictionsFile = "predictions.bin"

// helper is a contestant of ours, in a process of its own.
func helper(ctx context.Context, name string, s settings) error {
	start := time.Now()
	frame, labels, err := read(ctx, filepath.Join(s.Dir, "train.parquet"))
	if err != nil {
		return err
	}
	test, _, err := read(ctx, filepath.Join(s.Dir, "test.parquet"))
	if err != nil {
		return err
	}
	out := outcome{Version: "this tree", Load: time.Since(start).Seconds(), Loaded: forget()}
	e := estimator(name, s)
	if s.Profile != "" {
		stop, err := profile(s.Profile)
		if err != nil {
			return err
		}
		defer stop()
	}
	start = time.Now()
	cpu := cpuSeconds()
	if err := e.Fit(ctx, models.Training{Frame: frame, Labels: labels, Threads: s.Threads}); err != nil {
		return err
	}
	out.Fit, out.CPU = time.Since(start).Seconds(), cpuSeconds()-cpu
	var p []float64
	var took, used []float64
	for range s.Predictions {
		start, cpu = time.Now(), cpuSeconds()
		if p, err = e.PredictProba(test); err != nil {
			return err
		}
		took = append(took, time.Since(start).Seconds())
		used = append(used, cpuSeconds()-cpu)
	}
	out.Predict, out.PredictCPU = rounds.Middle(took), rounds.Middle(used)
	out.Peak = highWater()
	if err := writePredictions(filepath.Join(s.Dir, predictionsFile), p); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}

func estimator(name string, s settings) models.Estimator {
	if name == "forest" {
		return golearnx.NewForest(golearnx.Params{Trees: s.ForestTrees, MaxDepth: s.ForestDepth, MinLeaf: s.ForestLeaf, Seed: 1})
	}
	return boost.New(boost.Params{
		Rounds: s.Trees, MaxLeaves: s.Leaves, LearningRate: s.LearningRate, Bins: s.Bins, MinChildWeight: 1, Lambda: 1, Seed: 1,
	})
}

func profile(path string) (stop func(), err error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("making a profile: %w", err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, fmt.Errorf("making a profile: %w", err)
	}
	return func() {
		pprof.StopCPUProfile()
		f.Close()
	}, nil
}

func writePredictions(path string, p []float64) error {
	var b bytes.Buffer
	if err := binary.Write(&b, binary.LittleEndian, p); err != nil {
		return fmt.Errorf("writing predictions: %w", err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		return fmt.Errorf("writing predictions: %w", err)
	}
	return nil
}

func readPredictions(path string) ([]float64, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading predictions: %w", err)
	}
	p := make([]float64, len(raw)/8)
	if err := binary.Read(bytes.NewReader(raw), binary.LittleEndian, p); err != nil {
		return nil, fmt.Errorf("reading predictions: %w", err)
	}
	return p, nil
}

// cpuSeconds is what this process has used so far.
func cpuSeconds() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

// forget makes the kernel begin the peak of this process anew, from what is resident
// now, and returns that.
func forget() int64 {
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0o200)
	return status("VmRSS")
}

func highWater() int64 { return status("VmHWM") }

// status is a field of /proc/self/status in bytes; 0 where there is none.
func status(field string) int64 {
	text, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, field+":"); ok {
			var kb int64
			fmt.Sscan(rest, &kb)
			return kb << 10
		}
	}
	return 0
}
