package e2e

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/longtest"
	"github.com/mainstay-etl/mainstay/pipeline/warehouse"
)

// readerOf names a data directory: the test program then reads its warehouse, again and
// again, until its standard input ends, and prints what it saw. Behind a line break follows
// how long it waits in between.
const readerOf = "MAINSTAY_TEST_READER_OF"

// read opens the warehouse and asks it for the truth until standard input ends. A line is
// printed for each answer that differs from the one before, and the number of answers at
// the end.
func read(task string) error {
	data, pause, _ := strings.Cut(task, "\n")
	wait, err := time.ParseDuration(pause)
	if err != nil {
		return err
	}
	over := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(over)
	}()
	out := bufio.NewWriter(os.Stdout)
	last, n := "", 0
	for {
		answer, err := ask(data)
		if err != nil {
			return fmt.Errorf("after %d answers: %w", n, err)
		}
		if n++; answer != last {
			fmt.Fprintln(out, answer)
			last = answer
		}
		select {
		case <-over:
			fmt.Fprintln(out, "answers", n)
			return out.Flush()
		case <-time.After(wait):
		}
	}
}

// ask opens the warehouse, asks it twice and closes it: what is open does not change.
func ask(data string) (string, error) {
	ctx := context.Background()
	s, err := warehouse.Open(ctx, data)
	if err != nil {
		return "", err
	}
	defer s.Close()
	var answers [2]string
	for i := range answers {
		r, err := s.Query(ctx, truth)
		if err != nil {
			return "", err
		}
		answers[i] = fmt.Sprint(r.Rows)
	}
	if answers[0] != answers[1] {
		return "", fmt.Errorf("an open warehouse answers first %s, then %s", answers[0], answers[1])
	}
	return answers[0], nil
}

// Readers in processes of their own, while night after night is published: none fails, and
// every answer is that of one night. MAINSTAY_LONG=1 has fifty of them for ten nights.
func TestReaders(t *testing.T) {
	t.Parallel()
	longtest.Only(t)
	s := newCrashShop(t).project(t)
	data := s.copy(t)
	readers, nights := 10, 2
	if thorough {
		readers, nights = 50, 10
	}
	type reader struct {
		*exec.Cmd
		in          io.Closer
		out, stderr bytes.Buffer
	}
	var all []*reader
	for range readers {
		r := &reader{Cmd: exec.Command(os.Args[0])}
		r.Env = append(os.Environ(), fmt.Sprintf("%s=%s\n%v", readerOf, data, time.Duration(readers)*20*time.Millisecond))
		r.Stdout, r.Stderr = &r.out, &r.stderr
		in, err := r.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		r.in = in
		if err := r.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = r.Process.Kill() })
		all = append(all, r)
	}
	order := map[string]int{}
	know := func(n int) {
		answer, err := ask(data)
		if err != nil {
			t.Fatal(err)
		}
		order[answer] = n
	}
	know(0)
	for n := 1; n <= nights; n++ {
		s.deliver(t, fmt.Sprintf("2023-06-%02d", 8+n))
		mainstay(t, nil, "run", "--project", s.dir, "--data", data, "--as-of", fmt.Sprintf("2023-06-%02d", 9+n)).published(t)
		know(n)
	}
	if len(order) != nights+1 {
		t.Fatalf("%d nights have %d truths: they cannot be told apart", nights+1, len(order))
	}
	answers, seen := 0, map[int]bool{}
	for i, r := range all {
		if err := r.in.Close(); err != nil {
			t.Fatal(err)
		}
		if err := r.Wait(); err != nil {
			t.Errorf("reader %d: %v: %s", i, err, r.stderr.String())
		}
		before := -1
		for line := range strings.Lines(r.out.String()) {
			line = strings.TrimSpace(line)
			if count := 0; strings.HasPrefix(line, "answers ") {
				_, _ = fmt.Sscanf(line, "answers %d", &count)
				answers += count
				continue
			}
			n, known := order[line]
			if !known {
				t.Errorf("reader %d: torn: %s is the answer of no night", i, line)
			} else if n <= before {
				t.Errorf("reader %d saw night %d after night %d", i, n, before)
			}
			before, seen[n] = n, true
		}
	}
	t.Logf("%d readers, %d nights: %d answers", readers, nights, answers)
	if len(seen) != nights+1 || answers < readers*(nights+1) {
		t.Errorf("%d answers of %d nights: the test shows little", answers, len(seen))
	}
}
