package boost

import (
	"sync"
	"sync/atomic"
)

// team is a number of goroutines that do numbered tasks together, again and again.
type team struct {
	size  int
	calls []chan *call // of all but worker 0, who is the caller
}

type call struct {
	next  atomic.Int64
	tasks int
	work  func(worker, task int)
	done  sync.WaitGroup
}

func (c *call) help(worker int) {
	for i := int(c.next.Add(1)) - 1; i < c.tasks; i = int(c.next.Add(1)) - 1 {
		c.work(worker, i)
	}
}

func newTeam(size int) *team {
	t := &team{size: max(size, 1)}
	for w := 1; w < t.size; w++ {
		calls := make(chan *call)
		t.calls = append(t.calls, calls)
		go func() {
			for c := range calls {
				c.help(w)
				c.done.Done()
			}
		}()
	}
	return t
}

// run does tasks 0 to n-1, and returns when all are done. A worker (0 to size-1) does
// one task at a time. Who does which is left to chance.
func (t *team) run(n int, work func(worker, task int)) {
	helpers := min(len(t.calls), n-1)
	if helpers <= 0 {
		for i := range n {
			work(0, i)
		}
		return
	}
	c := &call{tasks: n, work: work}
	c.done.Add(helpers)
	for _, calls := range t.calls[:helpers] {
		calls <- c
	}
	c.help(0)
	c.done.Wait()
}

// dismiss ends the goroutines.
func (t *team) dismiss() {
	for _, calls := range t.calls {
		close(calls)
	}
}

// blocks runs work on ranges of at most size of n things.
func (t *team) blocks(n, size int, work func(worker, from, to int)) {
	t.run((n+size-1)/size, func(worker, b int) { work(worker, b*size, min((b+1)*size, n)) })
}
