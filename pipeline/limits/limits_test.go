package limits

import (
	"testing"
	"testing/fstest"
)

const meminfo = "MemTotal:       8000000 kB\nMemFree:         100 kB\n"

func TestMemory(t *testing.T) {
	t.Parallel()
	const v2 = "26 25 0:22 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n"
	const v1 = "30 25 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n31 25 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
	for name, c := range map[string]struct {
		files map[string]string
		want  int64
		from  string
	}{
		"nothing is told": {nil, 0, ""},
		"no group":        {map[string]string{"proc/meminfo": meminfo}, 8000000 << 10, "machine"},
		"version 2": {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a/b\n", "proc/self/mountinfo": v2,
			"sys/fs/cgroup/a/b/memory.max": "1073741824\n"}, 1 << 30, "control group"},
		"version 2, the group above is tighter": {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a/b\n", "proc/self/mountinfo": v2,
			"sys/fs/cgroup/a/b/memory.max": "1073741824\n", "sys/fs/cgroup/a/memory.max": "536870912\n"}, 512 << 20, "control group"},
		"version 2, no limit": {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a\n", "proc/self/mountinfo": v2,
			"sys/fs/cgroup/a/memory.max": "max\n"}, 8000000 << 10, "machine"},
		"version 2, more than the machine has": {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a\n", "proc/self/mountinfo": v2,
			"sys/fs/cgroup/a/memory.max": "99999999999999\n"}, 8000000 << 10, "machine"},
		"version 2, in a container that sees its group as the root": {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/\n", "proc/self/mountinfo": v2,
			"sys/fs/cgroup/memory.max": "2147483648\n"}, 2 << 30, "control group"},
		"version 1": {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "5:cpu,cpuacct:/x\n4:memory:/a\n0::/\n", "proc/self/mountinfo": v1,
			"sys/fs/cgroup/memory/a/memory.limit_in_bytes": "268435456\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, 256 << 20, "control group"},
		"version 1, the root of the mount is the container's group": {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "4:memory:/docker/abc\n",
			"proc/self/mountinfo":                        "30 25 0:26 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "134217728\n"}, 128 << 20, "control group"},
	} {
		files := fstest.MapFS{}
		for path, text := range c.files {
			files[path] = &fstest.MapFile{Data: []byte(text)}
		}
		if got, from := (system{files}).memory(); got != c.want || from != c.from {
			t.Errorf("%s: got %d from %q, want %d from %q", name, got, from, c.want, c.from)
		}
	}
}

func TestShare(t *testing.T) {
	t.Parallel()
	const gib = 1 << 30
	for name, c := range map[string]struct {
		all, free, memory, disk int64
		want                    Shares
	}{
		"nothing is known":       {0, 0, 0, 0, Shares{Workers: 2}},
		"nothing is configured":  {10 * gib, 100 * gib, 0, 0, Shares{Memory: 6 * gib, Disk: 80 * gib, Heap: 4 * gib, Workers: 2}},
		"configured":             {10 * gib, 100 * gib, 2 * gib, 5 * gib, Shares{Memory: 2 * gib, Disk: 5 * gib, Heap: 8 * gib, Workers: 2}},
		"nearly all configured":  {10 * gib, 0, 9 * gib, 0, Shares{Memory: 9 * gib, Heap: 3 * gib, Workers: 2}},
		"more than there really": {gib, 0, 2 * gib, 0, Shares{Memory: 2 * gib, Heap: 3 * gib / 10, Workers: 2}},
	} {
		if got := share(c.all, c.free, c.memory, c.disk, 2); got != c.want {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
	if got := share(gib, 0, 0, 0, 64); got.Workers != 2 {
		t.Errorf("60 %% of 1 GiB is enough for %d workers, want 2", got.Workers)
	}
	if got := share(gib, 0, 64<<20, 0, 64); got.Workers != 1 || got.Memory != 64<<20 {
		t.Errorf("little memory that was configured: %+v", got)
	}
	if got := (Shares{Workers: 4}).PerWorker(gib); got != gib/4 {
		t.Errorf("a worker's part: %d", got)
	}
}

func TestHere(t *testing.T) {
	t.Parallel()
	if bytes, from := Memory(); bytes < 64<<20 || from == "" {
		t.Errorf("this machine has %d bytes of memory, says %q", bytes, from)
	}
	if free, inodes, err := Free(t.TempDir() + "/not/there/yet"); err != nil || free <= 0 || inodes == 0 {
		t.Errorf("free: %d bytes, %d inodes, %v", free, inodes, err)
	}
	if CPUs() < 1 {
		t.Error("no processor")
	}
}
