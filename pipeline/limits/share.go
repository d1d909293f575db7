package limits

import (
	"os"
	"runtime"
	"runtime/debug"
)

// Shares of what there is that a night takes when nobody says otherwise.
const (
	memoryShare = 0.6 // of the memory, for SQL; the rest is for learning and for the page cache
	diskShare   = 0.8 // of the free disk, for what does not fit in memory
	leastHeap   = 0.3 // of the memory, for learning, whatever was given to SQL
)

// leastPerWorker is the memory below which a session of SQL is likely to fail: reading a
// CSV file takes a good part of it. With less for all, fewer jobs run side by side.
const leastPerWorker = 256 << 20

// Shares is how a night shares out what it may take.
type Shares struct {
	Memory  int64 // bytes for SQL, in all; 0: not known
	Disk    int64 // bytes of temporary files, in all; 0: not known
	Heap    int64 // bytes that the Go heap tries to stay below; 0: not known
	Workers int   // jobs side by side: as configured, or fewer where each would get too little memory
}

// Share shares out what there is. memory and disk are what was configured, 0 for what
// fits the machine; dir is where temporary files go.
func Share(memory, disk int64, workers int, dir string) Shares {
	all, _ := Memory()
	free, _, err := Free(dir)
	if err != nil {
		free = 0
	}
	return share(all, free, memory, disk, workers)
}

func share(all, free, memory, disk int64, workers int) Shares {
	s := Shares{Memory: memory, Disk: disk, Workers: max(workers, 1)}
	if s.Memory == 0 {
		s.Memory = int64(memoryShare * float64(all))
	}
	if s.Memory > 0 {
		s.Workers = min(s.Workers, max(1, int(s.Memory/leastPerWorker)))
	}
	if s.Disk == 0 {
		s.Disk = int64(diskShare * float64(free))
	}
	if all > 0 {
		s.Heap = max(all-s.Memory, int64(leastHeap*float64(all)))
	}
	return s
}

// PerWorker is one job's part of an amount: as many run side by side as there are workers.
func (s Shares) PerWorker(amount int64) int64 { return amount / int64(max(s.Workers, 1)) }

// Hold makes the Go runtime of this process keep to the shares: the heap is collected more
// often as it comes near its part, and no more threads run Go code than there are workers.
// GOMEMLIMIT and GOMAXPROCS in the environment are left as they are.
func (s Shares) Hold() {
	if os.Getenv("GOMEMLIMIT") == "" && s.Heap > 0 && s.Heap < debug.SetMemoryLimit(-1) {
		debug.SetMemoryLimit(s.Heap)
	}
	if os.Getenv("GOMAXPROCS") == "" && s.Workers < runtime.GOMAXPROCS(0) {
		runtime.GOMAXPROCS(s.Workers)
	}
}
