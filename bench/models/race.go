package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/mainstay-etl/mainstay/bench/rounds"
	"github.com/mainstay-etl/mainstay/models/eval"
)

// contestant learns and scores in a process of its own.
type contestant struct {
	name, title string
	forest      bool
	python      bool
}

var contestants = []contestant{
	{"boost", "boost", false, false},
	{"xgboost", "xgboost, hist, by loss", false, true},
	{"xgboost-depth", "xgboost, hist, by depth", false, true},
	{"lightgbm", "LightGBM", false, true},
	{"sklearn-boost", "scikit-learn, HistGradientBoosting", false, true},
	{"forest", "forest", true, false},
	{"sklearn-forest", "scikit-learn, RandomForest", true, true},
}

// packages are what the contestants in Python need.
var packages = []string{"numpy", "pyarrow", "scikit-learn", "xgboost", "lightgbm"}

//go:embed learn.py
var script []byte

func names(of []contestant) (out []string) {
	for _, c := range of {
		out = append(out, c.name)
	}
	return out
}

// result is one run of one contestant.
type result struct {
	outcome
	auc, logLoss float64
}

type bench struct {
	options
	self    string
	made    bool // the folder is ours to remove
	runners []contestant
}

func (b *bench) begin(ctx context.Context) (err error) {
	if b.self, err = os.Executable(); err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	if b.work == "" {
		if b.work, err = os.MkdirTemp("", "bench-models-"); err != nil {
			return fmt.Errorf("making a folder: %w", err)
		}
		b.made = true
	}
	if err := os.MkdirAll(b.work, 0o755); err != nil {
		return fmt.Errorf("making a folder: %w", err)
	}
	if b.install {
		if b.python, err = rounds.Python(ctx, filepath.Join(b.work, "venv"), packages...); err != nil {
			return err
		}
	}
	for _, c := range contestants {
		wanted := b.only == "" || slices.Contains(rounds.Names(b.only), c.name)
		if wanted && (!c.python || b.python != "") {
			b.runners = append(b.runners, c)
		}
	}
	if err := os.WriteFile(filepath.Join(b.work, "learn.py"), script, 0o644); err != nil {
		return fmt.Errorf("writing the script: %w", err)
	}
	return nil
}

func (b *bench) end() {
	if b.made && !b.keep {
		os.RemoveAll(b.work)
	}
}

// race lets everybody run in turn, several times, on so many rows.
func (b *bench) race(ctx context.Context, rows int) error {
	s := b.settings
	s.Dir = filepath.Join(b.work, fmt.Sprint(rows))
	if err := os.MkdirAll(s.Dir, 0o755); err != nil {
		return fmt.Errorf("making a folder: %w", err)
	}
	if err := write(s.Dir, b.seed, rows); err != nil {
		return err
	}
	_, labels, err := read(ctx, filepath.Join(s.Dir, "test.parquet"))
	if err != nil {
		return err
	}
	results := map[string][]result{}
	for round := range b.rounds {
		for _, c := range b.runners {
			r, err := b.once(ctx, c, s, labels)
			if err != nil {
				return err
			}
			fmt.Fprintf(os.Stderr, "round %d, %d rows, %s: fit %.2f s (CPU %.2f s), predict %.3f s (CPU %.3f s), AUC %.4f, log loss %.4f\n", round+1, rows, c.title, r.Fit, r.CPU, r.Predict, r.PredictCPU, r.auc, r.logLoss)
			results[c.name] = append(results[c.name], r)
		}
	}
	b.print(os.Stdout, rows, results)
	if slices.ContainsFunc(b.runners, func(c contestant) bool { return c.name == "boost" }) {
		return b.explain(ctx, os.Stdout, s)
	}
	return nil
}

func (b *bench) once(ctx context.Context, c contestant, s settings, labels []bool) (r result, err error) {
	args, err := json.Marshal(s)
	if err != nil {
		return r, fmt.Errorf("writing the settings: %w", err)
	}
	command := []string{b.self, "helper", c.name, string(args)}
	if c.python {
		command = []string{b.python, filepath.Join(b.work, "learn.py"), c.name, string(args)}
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = append(os.Environ(), fmt.Sprintf("GOMAXPROCS=%d", s.Threads), fmt.Sprintf("OMP_NUM_THREADS=%d", s.Threads))
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	if err := cmd.Run(); err != nil {
		return r, fmt.Errorf("running %s: %w\n%s", c.title, err, log.String())
	}
	if err := json.Unmarshal(out.Bytes(), &r.outcome); err != nil {
		return r, fmt.Errorf("reading what %s printed: %w\n%s", c.title, err, out.String())
	}
	p, err := readPredictions(filepath.Join(s.Dir, predictionsFile))
	if err != nil {
		return r, err
	}
	if len(p) != len(labels) {
		return r, fmt.Errorf("%s made %d predictions, expected %d", c.title, len(p), len(labels))
	}
	r.auc, r.logLoss = eval.AUC(labels, p), eval.LogLoss(labels, p)
	return r, nil
}
