// Package longtest sets aside the tests that take long, so that `go test ./...` stays
// quick. The gate runs those that Only sets aside; those of Thorough are run by hand.
package longtest

import (
	"os"
	"testing"
)

// Variable is the environment variable that, when it is 1, asks for the long tests.
const Variable = "MAINSTAY_TEST_LONG"

// Only skips a test that takes long, unless the long tests were asked for.
func Only(t testing.TB) {
	t.Helper()
	if os.Getenv(Variable) != "1" {
		t.Skipf("a long test: set %s=1 to run it, as .ci/run does", Variable)
	}
}

// ThoroughVariable is the environment variable that, when it is 1, asks for the tests that
// take too long for the gate, and for the long form of others. What those of crashes showed
// is written down in bench/README.md.
const ThoroughVariable = "MAINSTAY_LONG"

// Thorough skips a test that takes too long for the gate, unless it was asked for.
func Thorough(t testing.TB) {
	t.Helper()
	if os.Getenv(ThoroughVariable) != "1" {
		t.Skipf("a test that takes very long: set %s=1 to run it", ThoroughVariable)
	}
}
