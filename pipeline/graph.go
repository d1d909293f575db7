package pipeline

import (
	"fmt"
	"slices"
	"strings"
)

// Graph is the jobs of a night in an order in which each comes after what it needs.
type Graph struct {
	Jobs []Job
}

// NewGraph checks that names are unique, every need is made by some job and nothing
// needs itself, and orders the jobs. Jobs that could go in any order keep the order in
// which they were given.
func NewGraph(jobs []Job) (*Graph, error) {
	given := map[string]int{}
	for i, j := range jobs {
		if _, twice := given[j.Name]; twice {
			return nil, fmt.Errorf("two jobs make the table %s: a table has one job", j.Name)
		}
		given[j.Name] = i
	}
	g := &Graph{}
	state := make([]int, len(jobs)) // 0 not met, 1 on the path, 2 placed
	var path []string
	var place func(i int) error
	place = func(i int) error {
		j := jobs[i]
		switch state[i] {
		case 2:
			return nil
		case 1:
			loop := append(path[slices.Index(path, j.Name):], j.Name)
			return fmt.Errorf("tables need each other in a circle: %s", strings.Join(loop, " <- "))
		}
		state[i] = 1
		path = append(path, j.Name)
		for _, need := range j.Needs {
			k, ok := given[need]
			if !ok {
				return fmt.Errorf("table %s reads %s, which no job makes", j.Name, need)
			}
			if err := place(k); err != nil {
				return err
			}
		}
		path = path[:len(path)-1]
		state[i] = 2
		g.Jobs = append(g.Jobs, j)
		return nil
	}
	for i := range jobs {
		if err := place(i); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// For is the part of the graph that makes some tables and what they need.
func (g *Graph) For(names ...string) *Graph {
	wanted := map[string]bool{}
	for _, name := range names {
		wanted[name] = true
	}
	for _, j := range slices.Backward(g.Jobs) {
		if wanted[j.Name] {
			for _, need := range j.Needs {
				wanted[need] = true
			}
		}
	}
	out := &Graph{}
	for _, j := range g.Jobs {
		if wanted[j.Name] {
			out.Jobs = append(out.Jobs, j)
		}
	}
	return out
}

// After is the names of some jobs and of all that come after them, because they read what
// these make.
func (g *Graph) After(names ...string) map[string]bool {
	out := map[string]bool{}
	for _, name := range names {
		out[name] = true
	}
	for _, j := range g.Jobs {
		if slices.ContainsFunc(j.Needs, func(need string) bool { return out[need] }) {
			out[j.Name] = true
		}
	}
	return out
}

// Missing returns those of some names that no job has.
func (g *Graph) Missing(names ...string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		return slices.ContainsFunc(g.Jobs, func(j Job) bool { return j.Name == name })
	})
}
