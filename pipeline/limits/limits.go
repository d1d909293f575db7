// Package limits knows what the process may take of the machine: the memory that its
// control group (version 1 or 2) or else the machine gives, the processors, the free disk;
// and how a night shares these out. Nothing here can change a result.
package limits

import (
	"bufio"
	"io/fs"
	"os"
	"path"
	"runtime"
	"strconv"
	"strings"
)

// system is where the operating system tells about itself.
type system struct{ files fs.FS }

var here = system{os.DirFS("/")}

// Memory is the number of bytes that the process may use, and what says so: "control
// group" or "machine". It is 0 where nobody tells.
func Memory() (bytes int64, from string) { return here.memory() }

// CPUs is the number of processors that the process may use at once. The Go runtime knows
// the limits of the control group.
func CPUs() int { return runtime.GOMAXPROCS(0) }

func (s system) memory() (int64, string) {
	bytes, from := s.machine(), "machine"
	if group := s.group(); group > 0 && (bytes == 0 || group < bytes) {
		bytes, from = group, "control group"
	}
	if bytes == 0 {
		from = ""
	}
	return bytes, from
}

// machine is the memory of the machine; 0 where it is not told.
func (s system) machine() int64 {
	for _, line := range s.lines("proc/meminfo") {
		if rest, ok := strings.CutPrefix(line, "MemTotal:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(rest, "kB")), 10, 64)
			if err == nil {
				return kib << 10
			}
		}
	}
	return 0
}

// group is the lowest memory limit of the process's control group and those above it; 0
// without one.
func (s system) group() int64 {
	var lowest int64
	for _, c := range s.controllers() {
		for dir := c.dir; ; dir = path.Dir(dir) {
			if limit := s.number(path.Join(dir, c.file)); limit > 0 && (lowest == 0 || limit < lowest) {
				lowest = limit
			}
			if dir == c.top || dir == "." || dir == "/" {
				break
			}
		}
	}
	return lowest
}

// controller is a place where a memory limit of the process may stand.
type controller struct{ top, dir, file string }

// controllers finds the process in its hierarchies. What a hierarchy calls its root may be
// a group of the machine outside of a container.
func (s system) controllers() []controller {
	groups := map[string]string{} // controller ("" for version 2) -> path
	for _, line := range s.lines("proc/self/cgroup") {
		parts := strings.SplitN(line, ":", 3)
		if len(parts) != 3 {
			continue
		}
		for _, name := range strings.Split(parts[1], ",") {
			groups[name] = parts[2]
		}
	}
	var out []controller
	for _, line := range s.lines("proc/self/mountinfo") {
		before, after, ok := strings.Cut(line, " - ")
		mount, kind := strings.Fields(before), strings.Fields(after)
		if !ok || len(mount) < 5 || len(kind) < 3 {
			continue
		}
		c := controller{top: strings.TrimPrefix(mount[4], "/"), file: "memory.max"}
		name := ""
		switch {
		case kind[0] == "cgroup" && contains(strings.Split(kind[2], ","), "memory"):
			name, c.file = "memory", "memory.limit_in_bytes"
		case kind[0] != "cgroup2":
			continue
		}
		group, in := groups[name]
		if !in {
			continue
		}
		c.dir = path.Join(c.top, strings.TrimPrefix(group, strings.TrimSuffix(mount[3], "/")))
		out = append(out, c)
	}
	return out
}

func contains(list []string, word string) bool {
	for _, w := range list {
		if w == word {
			return true
		}
	}
	return false
}

// number reads a limit; 0 for none ("max", or a number that no machine reaches).
func (s system) number(name string) int64 {
	lines := s.lines(name)
	if len(lines) == 0 {
		return 0
	}
	n, err := strconv.ParseInt(strings.TrimSpace(lines[0]), 10, 64)
	if err != nil || n <= 0 || n >= 1<<60 {
		return 0
	}
	return n
}

// lines reads a small file; a file that cannot be read tells nothing.
func (s system) lines(name string) []string {
	f, err := s.files.Open(name)
	if err != nil {
		return nil
	}
	defer f.Close()
	var out []string
	for lines := bufio.NewScanner(f); lines.Scan(); {
		out = append(out, lines.Text())
	}
	return out
}
