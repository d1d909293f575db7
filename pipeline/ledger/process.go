package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// processAlive tells whether the process that took the lease still runs: a process
// with its number, started when it was started.
func processAlive(pid int, born string) bool {
	if err := syscall.Kill(pid, 0); err != nil && !errors.Is(err, syscall.EPERM) {
		return false
	}
	return processBorn(pid) == born
}

// processBorn is where a process was started and when, in clock ticks since boot, from
// /proc: "place/ticks", see where. It is "" where there is no /proc (then the process
// number must do).
func processBorn(pid int) string {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return ""
	}
	_, rest, ok := strings.Cut(string(stat), ") ") // the name before it may hold spaces
	fields := strings.Fields(rest)
	if !ok || len(fields) < 20 || fields[0] == "Z" {
		return ""
	}
	place := where()
	if place == "" {
		return ""
	}
	return place + "/" + fields[19]
}

// firstSpace is the namespace of process numbers that Linux starts with: a process in it is
// in no container.
const firstSpace = "4026531836"

// where is the boot's id and the namespace of this process's process numbers, with the
// machine behind it outside containers: "boot/space" or "boot/space@machine". What is in
// another namespace, under the same host name, cannot be looked at. It is "" where there is
// no /proc. A mainstay that does not know machines takes the space for another one, and
// watches.
var where = sync.OnceValue(func() string {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	space, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return ""
	}
	place := strings.TrimSpace(string(boot)) + "/" + strings.Trim(space, "pid:[]")
	if id := machine("/"); id != "" && strings.HasSuffix(place, "/"+firstSpace) {
		place += "@" + id
	}
	return place
})

// machine tells a machine from any other across its boots, those with the same name
// among them: by its machine id and the addresses of its network cards, for a copy of a
// virtual machine has the same id, and other cards. It is "" when that cannot be told.
func machine(root string) string {
	id, err := os.ReadFile(filepath.Join(root, "etc/machine-id"))
	if text := strings.TrimSpace(string(id)); err != nil || len(text) != 32 {
		return ""
	}
	cards, err := filepath.Glob(filepath.Join(root, "sys/class/net/*/device"))
	if err != nil || len(cards) == 0 {
		return ""
	}
	h := sha256.New()
	h.Write(id)
	for _, card := range cards { // sorted by their names
		address, err := os.ReadFile(filepath.Join(filepath.Dir(card), "address"))
		if err != nil {
			return ""
		}
		h.Write(address)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// lookable tells whether a process that was born so, under this host name, can be looked at
// from a place: it is in the same boot and container, or dead for sure because this very
// machine was started since. Two machines may have one name, such as localhost: then it
// cannot, as on any other machine.
func lookable(born, from string) bool {
	if born == "" && from == "" {
		return true // no /proc
	}
	theirs, ours := strings.Split(born, "/"), strings.Split(from, "/")
	if len(theirs) != 3 || len(ours) != 2 {
		return false
	}
	if theirs[0] == ours[0] {
		return theirs[1] == ours[1]
	}
	_, theirMachine, known := strings.Cut(theirs[1], "@")
	_, ourMachine, _ := strings.Cut(ours[1], "@")
	return known && theirMachine == ourMachine
}
