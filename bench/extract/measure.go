package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/mainstay-etl/mainstay/bench/rounds"
)

// result is one run of one contestant.
type result struct {
	seconds float64
	cpu     float64 // seconds of its processes, not of the server
	memory  memory
	longest float64 // statement, seconds; -1 when unknown
	written int64   // bytes that the processes wrote to disk
	stored  int64   // bytes that lie there in the end
	failed  bool
}

// memory is the peak of a process tree, in bytes.
type memory struct {
	all  int64 // resident
	anon int64 // of that, not backed by a file
}

// race lets everybody run in turn, several times.
func (b *bench) race(ctx context.Context, t table, runners []contestant) (map[string][]result, error) {
	results := map[string][]result{}
	if _, err := b.psql(ctx, "SELECT count(*) FROM "+t.name); err != nil { // who comes first shall not pay for reading the disk
		return nil, err
	}
	for round := range b.rounds {
		for _, c := range runners {
			if rs := results[c.title]; len(rs) > 0 && rs[len(rs)-1].failed {
				continue
			}
			r, err := b.once(ctx, t, c)
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if err != nil {
				b.say("%s on %s: %v", c.title, t.name, err)
				results[c.title] = []result{{failed: true}}
				continue
			}
			b.say("round %d, %s, %s: %.1f s, %.0f MB (anonymous %.0f MB), longest query %.2f s", round+1, t.name, c.title, r.seconds, rounds.MB(r.memory.all), rounds.MB(r.memory.anon), r.longest)
			results[c.title] = append(results[c.title], r)
		}
	}
	return results, nil
}

func (b *bench) once(ctx context.Context, t table, c contestant) (r result, err error) {
	dir := filepath.Join(b.work, "run")
	if err := os.RemoveAll(dir); err != nil {
		return r, fmt.Errorf("clearing up: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return r, fmt.Errorf("making a folder: %w", err)
	}
	commands, err := c.commands(t, dir)
	if err != nil {
		return r, err
	}
	if err := b.forget(ctx); err != nil {
		return r, err
	}
	start := time.Now()
	for _, p := range commands {
		if err := b.pipeline(ctx, p, dir, &r); err != nil {
			return r, err
		}
	}
	r.seconds = time.Since(start).Seconds()
	if r.longest, err = b.longest(ctx); err != nil {
		return r, err
	}
	if r.stored, err = size(filepath.Join(dir, c.result)); err != nil {
		return r, err
	}
	rows, err := rowsIn(ctx, filepath.Join(dir, c.result, c.files))
	if err == nil && rows != t.rows {
		err = fmt.Errorf("%d rows in its files, of %d", rows, t.rows)
	}
	return r, err
}

// pipeline runs programs that feed each other, and adds what they took.
func (b *bench) pipeline(ctx context.Context, p pipeline, dir string, r *result) error {
	var commands []*exec.Cmd
	var log bytes.Buffer
	for i, args := range p {
		c := exec.CommandContext(ctx, args[0], args[1:]...)
		c.Env, c.Dir, c.Stderr = b.env, dir, &log
		if i > 0 {
			from, err := commands[i-1].StdoutPipe()
			if err != nil {
				return fmt.Errorf("making a pipe: %w", err)
			}
			c.Stdin = from
		}
		commands = append(commands, c)
	}
	if last := commands[len(commands)-1]; last.Stdout == nil {
		last.Stdout = &log
	}
	var pids []int
	for _, c := range commands {
		if err := c.Start(); err != nil {
			return fmt.Errorf("starting %s: %w", c.Path, err)
		}
		pids = append(pids, c.Process.Pid)
	}
	w := watch(pids)
	var failed error
	for i := range commands { // the reader of a pipe first: Wait closes it
		c := commands[len(commands)-1-i]
		if err := c.Wait(); err != nil && failed == nil {
			failed = fmt.Errorf("running %s: %w", filepath.Base(c.Path), err)
		}
		if used, ok := c.ProcessState.SysUsage().(*syscall.Rusage); ok {
			r.cpu += time.Duration(used.Utime.Nano() + used.Stime.Nano()).Seconds()
			r.written += used.Oublock * 512
		}
	}
	peak := w.end()
	r.memory.all, r.memory.anon = max(r.memory.all, peak.all), max(r.memory.anon, peak.anon)
	if failed != nil {
		return fmt.Errorf("%w\n%s", failed, log.String())
	}
	return nil
}

// watchCommand runs a command as it is and tells what it took.
func watchCommand(ctx context.Context, args []string) error {
	c := exec.CommandContext(ctx, args[0], args[1:]...)
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	start := time.Now()
	if err := c.Start(); err != nil {
		return fmt.Errorf("starting %s: %w", args[0], err)
	}
	w := watch([]int{c.Process.Pid})
	err := c.Wait()
	peak := w.end()
	fmt.Fprintf(os.Stderr, "%.1f s, %.1f s of CPU, peak memory %.0f MB, of that anonymous %.0f MB\n", time.Since(start).Seconds(),
		(c.ProcessState.UserTime() + c.ProcessState.SystemTime()).Seconds(), rounds.MB(peak.all), rounds.MB(peak.anon))
	return err
}

// watcher samples the memory of processes and their descendants.
type watcher struct {
	roots []int
	pids  []int
	peak  memory
	stop  chan struct{}
	done  chan struct{}
}

// sampleEach is short against the time in which memory grows by a megabyte, and long
// against what a sample takes.
const sampleEach = 20 * time.Millisecond

func watch(roots []int) *watcher {
	w := &watcher{roots: roots, stop: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(w.done)
		tick := time.NewTicker(sampleEach)
		defer tick.Stop()
		for n := 0; ; n++ {
			if n%10 == 0 {
				w.pids = tree(w.roots)
			}
			w.sample()
			select {
			case <-w.stop:
				return
			case <-tick.C:
			}
		}
	}()
	return w
}

func (w *watcher) end() memory {
	close(w.stop)
	<-w.done
	return w.peak
}

func (w *watcher) sample() {
	var now memory
	for _, pid := range w.pids {
		m, highest := status(pid)
		now.all, now.anon = now.all+m.all, now.anon+m.anon
		w.peak.all = max(w.peak.all, highest) // the kernel's own, which misses nothing
	}
	w.peak.all, w.peak.anon = max(w.peak.all, now.all), max(w.peak.anon, now.anon)
}

// tree lists processes and their descendants.
func tree(pids []int) []int {
	out := slices.Clone(pids)
	for _, pid := range pids {
		files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
		for _, file := range files {
			text, _ := os.ReadFile(file)
			var children []int
			for _, word := range strings.Fields(string(text)) {
				if child, err := strconv.Atoi(word); err == nil {
					children = append(children, child)
				}
			}
			out = append(out, tree(children)...)
		}
	}
	return out
}

// status is the memory of a process: now, and the most that it ever had.
func status(pid int) (now memory, highest int64) {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(text)) {
		name, rest, _ := strings.Cut(line, ":")
		words := strings.Fields(rest)
		if len(words) < 1 {
			continue
		}
		kb, _ := strconv.ParseInt(words[0], 10, 64)
		switch name {
		case "VmRSS":
			now.all = kb << 10
		case "VmHWM":
			highest = kb << 10
		case "RssAnon":
			now.anon = kb << 10
		}
	}
	return now, highest
}

// size of the files below a folder.
func size(dir string) (n int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			n += info.Size()
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("adding up sizes: %w", err)
	}
	return n, nil
}
