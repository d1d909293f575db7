package main

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// mapSparingly tells the kernel not to read ahead in the program's own file. DuckDB makes
// that file large; under a memory limit, pages read around each one that is needed push
// out others that are needed too, and the program reads itself from disk over and over.
// Failing to say so changes nothing but speed, so errors are ignored.
func mapSparingly() {
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return
	}
	defer maps.Close()
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		line := lines.Text() // from-to perms offset device inode path
		if !strings.HasSuffix(line, " "+exe) {
			continue
		}
		span, _, _ := strings.Cut(line, " ")
		from, to, _ := strings.Cut(span, "-")
		start, err1 := strconv.ParseUint(from, 16, 64)
		end, err2 := strconv.ParseUint(to, 16, 64)
		if err1 == nil && err2 == nil && end > start {
			_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, uintptr(start), uintptr(end-start), syscall.MADV_RANDOM)
		}
	}
}
