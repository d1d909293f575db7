package duck

/*
#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

static void mainstay_frugal(void) {
#ifdef __GLIBC__
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_MMAP_THRESHOLD, 1 << 20);
	mallopt(M_TRIM_THRESHOLD, 1 << 20);
#endif
}
*/
import "C"

// Frugal makes the process give memory back that DuckDB has freed: call it once, before
// the first session. glibc keeps a heap of freed blocks for every thread, tens of
// megabytes in all, which DuckDB's own limit does not know of. It costs a little speed
// where many threads work. Other C libraries are left as they are.
func Frugal() { C.mainstay_frugal() }
