package e2e

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/mainstay-etl/mainstay/longtest"
)

// A night that is killed at a commit point leaves the night before readable, and the next
// run gives what a night without the fault gives. Which points there are the program says
// itself, so that a new one is covered. By default it dies once at each kind of point, one
// after the other on one data directory; the long tests add some points, each from the
// start; MAINSTAY_LONG=1 takes every point of the night.
func TestKilledAtEveryCommitPoint(t *testing.T) {
	t.Parallel()
	longtest.Only(t)
	s := newCrashShop(t)
	points := s.points(t)
	count := map[string]int{}
	var names []string
	for _, name := range points {
		if count[name]++; count[name] == 1 {
			names = append(names, name)
		}
	}
	t.Logf("%d commit points: %v", len(points), count)
	if len(names) < 9 || len(points) < 200 {
		t.Errorf("the night passes %d commit points of %d kinds: it shows little", len(points), len(names))
	}
	data := s.copy(t)
	for _, name := range names {
		if s.dies(t, data, name) {
			s.readable(t, data, name)
		} else if name != "lake file swept" { // the point may be behind: what was swept is swept
			t.Errorf("the night never came to the point %q", name)
		}
	}
	s.recovers(t, data, "killed at each kind of point")
	t.Run("from the start", func(t *testing.T) {
		for _, n := range s.chosen(t, len(points)) {
			t.Run(fmt.Sprintf("%d %s", n, points[n-1]), func(t *testing.T) {
				t.Parallel()
				data, when := s.copy(t), fmt.Sprintf("killed at point %d, %s", n, points[n-1])
				if !s.dies(t, data, strconv.Itoa(n)) {
					t.Fatalf("the night ended before point %d", n)
				}
				s.readable(t, data, when)
				s.recovers(t, data, when)
				mainstay(t, nil, "repair", "--data", data).ok(t).has(t, "ledger   sound\n")
			})
		}
	})
}

// chosen are the points at which the night is killed from the start: all, or some.
func (s crashShop) chosen(t *testing.T, points int) []int {
	t.Helper()
	dice := rand.New(rand.NewPCG(6, 6))
	if thorough {
		all := dice.Perm(points)
		for i := range all {
			all[i]++
		}
		return all
	}
	longtest.Only(t)
	var some []int
	for range 2 {
		some = append(some, 1+dice.IntN(points))
	}
	return some
}
