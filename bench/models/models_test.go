package main

import (
	"math"
	"testing"
)

// TestRows checks what bench/README.md says of the rows.
func TestRows(t *testing.T) {
	t.Parallel()
	const n = 20_000
	columns, labels := table(1, 0, n)
	yes, missing := 0.0, 0.0
	for i, l := range labels {
		if l {
			yes++
		}
		for j := range columns {
			if v := columns[j][i]; v != v {
				missing++
			} else if math.IsInf(float64(v), 0) {
				t.Fatalf("row %d, column %d is infinite", i, j)
			}
		}
	}
	if rate := yes / n; rate < 0.2 || rate > 0.3 {
		t.Errorf("%.3f of the labels are true, expected a quarter", rate)
	}
	if share := missing / n / features; share < 0.05 || share > 0.2 {
		t.Errorf("%.3f of the values are missing, expected about a tenth", share)
	}
	again, _ := table(1, 100, 1)
	for j := range again {
		if a, b := again[j][0], columns[j][100]; a != b && (a == a || b == b) {
			t.Fatalf("row 100 depends on where the table begins: column %d is %v and %v", j, a, b)
		}
	}
}

func TestShare(t *testing.T) {
	t.Parallel()
	took, total := share(`File: models
-----------+-------------------------------------------------------
      30ms   runtime.asyncPreempt
             github.com/mainstay-etl/mainstay/models/boost.(*matrix).sum
             github.com/mainstay-etl/mainstay/models/boost.(*histograms).build.func1
-----------+-------------------------------------------------------
      10ms   runtime.mallocgc
             main.helper
-----------+-------------------------------------------------------
`)
	if total != 40 || took["histograms"] != 30 || took["the rest"] != 10 {
		t.Errorf("%v of %v", took, total)
	}
}
