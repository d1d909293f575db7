package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// took is what a process took.
type took struct {
	seconds, cpu float64
	peak         int64 // bytes, resident
	written      int64 // bytes to disk, temporary files included
	scratch      int64 // most bytes at once in its folder of temporary files
}

// group is a memory control group; nil where none can be made.
type group struct{ dir string }

// newGroup makes a control group of version 1 or 2 with so many bytes of memory and no
// swap.
func newGroup(bytes int64) (*group, error) {
	for _, v := range []struct{ root, probe, limit, swap, most string }{
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.limit_in_bytes", "memory.memsw.limit_in_bytes", strconv.FormatInt(bytes, 10)},
		{"/sys/fs/cgroup", "cgroup.controllers", "memory.max", "memory.swap.max", "0"},
	} {
		if _, err := os.Stat(filepath.Join(v.root, v.probe)); err != nil {
			continue
		}
		dir := filepath.Join(v.root, fmt.Sprintf("mainstay-bench-%d", os.Getpid()))
		if err := os.Mkdir(dir, 0o755); err != nil {
			return nil, fmt.Errorf("making a control group: %w", err)
		}
		if err := os.WriteFile(filepath.Join(dir, v.limit), []byte(strconv.FormatInt(bytes, 10)), 0o644); err != nil {
			return nil, errors.Join(fmt.Errorf("limiting a control group: %w", err), os.Remove(dir))
		}
		_ = os.WriteFile(filepath.Join(dir, v.swap), []byte(v.most), 0o644) // kernels without swap accounting have no such file
		return &group{dir: dir}, nil
	}
	return nil, errors.New("no memory control groups here")
}

func (g *group) end() {
	if g != nil {
		_ = os.Remove(g.dir)
	}
}

// command is a child that enters the group before it becomes the program.
func (g *group) command(ctx context.Context, args ...string) *exec.Cmd {
	if g == nil {
		return exec.CommandContext(ctx, args[0], args[1:]...)
	}
	enter := []string{"-c", `echo $$ > "$0" && exec "$@"`, filepath.Join(g.dir, "cgroup.procs")}
	return exec.CommandContext(ctx, "/bin/sh", append(enter, args...)...)
}

// child runs a program to its end. scratch is its folder of temporary files; line gets
// every line that it prints, as it comes, with what was taken so far.
func (g *group) child(ctx context.Context, scratch string, line func(text string, so took), args ...string) (took, error) {
	c := g.command(ctx, args...)
	out, err := c.StdoutPipe()
	if err != nil {
		return took{}, fmt.Errorf("making a pipe: %w", err)
	}
	c.Stderr = c.Stdout // mainstay tells there of its jobs
	var log []string
	start := time.Now()
	if err := c.Start(); err != nil {
		return took{}, fmt.Errorf("starting %s: %w", filepath.Base(args[0]), err)
	}
	var t took
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		t.watch(c.Process.Pid, scratch, stop)
	}()
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		log = append(log, lines.Text())
		line(lines.Text(), took{seconds: time.Since(start).Seconds(), cpu: cpuOf(c.Process.Pid)})
	}
	_, _ = io.Copy(io.Discard, out)
	err = c.Wait()
	close(stop)
	<-done
	t.seconds = time.Since(start).Seconds()
	if used, ok := c.ProcessState.SysUsage().(*syscall.Rusage); ok {
		t.cpu = time.Duration(used.Utime.Nano() + used.Stime.Nano()).Seconds()
		t.written = used.Oublock * 512
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == warned && filepath.Base(args[0]) == "mainstay" {
		err = nil
	}
	if err != nil {
		return t, fmt.Errorf("running %s: %w\n%s", filepath.Base(args[0]), err, strings.Join(log[max(len(log)-20, 0):], "\n"))
	}
	return t, nil
}

// warned is mainstay's exit code of a published night with warnings.
const warned = 4

// watch samples memory and temporary files until it is told to stop.
func (t *took) watch(pid int, scratch string, stop <-chan struct{}) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ; n++ {
		t.peak = max(t.peak, status(pid, "VmHWM"))
		if n%20 == 0 && scratch != "" {
			t.scratch = max(t.scratch, sizeOf(scratch))
		}
		select {
		case <-stop:
			return
		case <-tick.C:
		}
	}
}

// status is a field of a process's status in bytes; 0 when it is gone.
func status(pid int, field string) int64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, field+":"); ok {
			var kb int64
			_, _ = fmt.Sscan(rest, &kb)
			return kb << 10
		}
	}
	return 0
}

// cpuOf is what a process has used so far, in seconds; 0 when it is gone.
func cpuOf(pid int) float64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseFloat(fields[11], 64)
	system, _ := strconv.ParseFloat(fields[12], 64)
	return (user + system) / 100 // the kernel's USER_HZ
}

// sizeOf adds up what a folder takes on disk; files come and go meanwhile.
func sizeOf(dir string) (n int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil //nolint:nilerr // it is gone already
		}
		if info, err := d.Info(); err == nil {
			if st, ok := info.Sys().(*syscall.Stat_t); ok {
				n += st.Blocks * 512
			}
		}
		return nil
	})
	return n
}
