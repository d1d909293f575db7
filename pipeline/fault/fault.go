// Package fault lets a test kill the process at a commit point. The places where a file
// becomes durable or a ledger transaction is committed call Point; unless a test asks for
// it, that does nothing.
//
// It is for tests alone, by way of the environment of the process:
//
//	MAINSTAY_FAULT=count:FILE    write the name of every point that is passed to FILE, a line each
//	MAINSTAY_FAULT=kill:N        end the process by SIGKILL at the Nth point,
//	MAINSTAY_FAULT=kill:NAME     or at the first of that name
//	MAINSTAY_FAULT=stop:NAME     halt it (SIGSTOP) at the first point of that name
package fault

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
)

// Variable is the environment variable that asks for a fault.
const Variable = "MAINSTAY_FAULT"

var (
	armed  = os.Getenv(Variable) != ""
	passed atomic.Int64
	once   sync.Once
	strike sync.Once
	plan   struct {
		number int64
		name   string
		signal syscall.Signal
		file   *os.File
	}
)

// Point marks a place where dying matters. The name says what has just been done, or is
// about to be; the same place has one name.
func Point(name string) {
	if armed {
		pass(name)
	}
}

func pass(name string) {
	once.Do(read)
	n := passed.Add(1)
	if plan.file != nil {
		fmt.Fprintln(plan.file, name)
	}
	if plan.signal != 0 && (n == plan.number || name == plan.name) {
		strike.Do(func() { _ = syscall.Kill(os.Getpid(), plan.signal) })
		if plan.signal == syscall.SIGKILL {
			select {} // until the signal has done its work
		}
	}
}

// read makes sense of the environment. What it cannot do ends the process: a test that
// asks for a fault and gets none would show nothing.
func read() {
	what, arg, _ := strings.Cut(os.Getenv(Variable), ":")
	var err error
	switch what {
	case "count":
		plan.file, err = os.OpenFile(arg, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	case "kill", "stop":
		plan.signal = map[string]syscall.Signal{"kill": syscall.SIGKILL, "stop": syscall.SIGSTOP}[what]
		if plan.number, err = strconv.ParseInt(arg, 10, 64); err != nil {
			plan.number, plan.name, err = 0, arg, nil
		}
	default:
		err = fmt.Errorf("%q is no fault", what)
	}
	if err != nil {
		panic(Variable + ": " + err.Error())
	}
}
