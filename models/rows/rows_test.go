package rows

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/modeltest"
)

var reader = Reader{Keys: []string{"customer_id"}, Label: "churned"}

func snapshots(t *testing.T, customers int) []models.Snapshot {
	t.Helper()
	return modeltest.Shop{Dir: t.TempDir(), Customers: customers}.Year(t, reader.Keys, reader.Label, 5)[:4]
}

func read(t *testing.T, s []models.Snapshot, seed uint64, maxRows int) Rows {
	t.Helper()
	parts, err := reader.ReadParts(t.Context(), s, seed, maxRows)
	if err != nil {
		t.Fatal(err)
	}
	all, err := Join(parts)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestSample checks that thinning keeps the counts promised and that weights give back
// the base rate.
func TestSample(t *testing.T) {
	t.Parallel()
	s := snapshots(t, 3000)
	all, thin := read(t, s, 1, 1<<20), read(t, s, 1, 4000)
	if n := thin.Len(); n < 3800 || n > 4200 || thin.Frame.Rows() != n || all.Weights != nil {
		t.Errorf("%d rows, wanted about 4000", n)
	}
	sum := 0.0
	for _, w := range thin.Weights {
		sum += w
	}
	if math.Abs(thin.Rate()-all.Rate()) > 0.01 || math.Abs(sum/float64(all.Len())-1) > 0.05 {
		t.Errorf("weighted base rate %.3f, want %.3f; weights sum to %.0f", thin.Rate(), all.Rate(), sum)
	}
	if again := read(t, s, 1, 4000); again.Frame.KeyOf(100) != thin.Frame.KeyOf(100) {
		t.Error("the same seed takes other rows")
	}
	for _, c := range []struct {
		p, n, max    int
		wantP, wantN float64
	}{{10, 90, 100, 1, 1}, {10, 190, 100, 1, 90. / 190}, {190, 10, 100, 90. / 190, 1}, {100, 300, 100, 0.5, 50. / 300}} {
		if got := newSample(0, c.p, c.n, c.max); got.positive != c.wantP || got.negative != c.wantN {
			t.Errorf("%d and %d rows, at most %d: keeps %v", c.p, c.n, c.max, got)
		}
	}
}

// TestPartsKeepWhatWasRead: thinning forgets no count, and parts come in the order asked.
func TestPartsKeepWhatWasRead(t *testing.T) {
	t.Parallel()
	s := snapshots(t, 500)
	full, err := reader.ReadParts(t.Context(), s, 1, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	thin, err := reader.ReadParts(t.Context(), s, 1, 300)
	if err != nil {
		t.Fatal(err)
	}
	for i := range full {
		if full[i].Day() != s[i].Day() || full[i].Read != 500 || thin[i].Read != 500 || thin[i].ReadPositives != full[i].Rows.Positives() || thin[i].Rows.Len() > 150 {
			t.Errorf("part %d: %s, %d rows of %d", i, thin[i].Day(), thin[i].Rows.Len(), thin[i].Read)
		}
	}
}

// TestEvenRowsAreNotThinned: values are spread as in what was read, also where the rows to
// learn from hold as many of either outcome.
func TestEvenRowsAreNotThinned(t *testing.T) {
	t.Parallel()
	s := snapshots(t, 12_000)[3:]
	parts, err := reader.ReadParts(t.Context(), s, 1, 2000)
	if err != nil {
		t.Fatal(err)
	}
	full, err := reader.Read(t.Context(), s[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	even := parts[0].Even
	if even.Rows() != evenRows || even.KeyOf(0) != full.Frame.KeyOf(0) || even.KeyOf(5) != full.Frame.KeyOf(6) || even.KeyOf(evenRows-1) != full.Frame.KeyOf(11_998) {
		t.Errorf("%d rows: %s, %s, %s", even.Rows(), even.KeyOf(0), even.KeyOf(5), even.KeyOf(evenRows-1))
	}
	if parts, err = reader.ReadParts(t.Context(), s, 1, 1<<20); err != nil || parts[0].Even != parts[0].Rows.Frame {
		t.Errorf("rows that are all learned from are held twice (%v)", err)
	}
	if got := Evenly(3, 10); !slices.Equal(got, []int32{0, 1, 2}) || len(Evenly(0, 10)) != 0 {
		t.Errorf("evenly: %v", got)
	}
}

// TestFoldsKeepCustomersTogether, in whatever order the rows come.
func TestFoldsKeepCustomersTogether(t *testing.T) {
	t.Parallel()
	all := read(t, snapshots(t, 400), 1, 1<<20)
	at := map[string]int{}
	sizes := make([]int, 4)
	for i, k := range all.Fold(9, 4) {
		c := all.Customers()[i]
		if was, ok := at[c]; ok && was != k {
			t.Fatalf("customer %s is in parts %d and %d", c, was, k)
		}
		at[c] = k
		sizes[k]++
	}
	if slices.Min(sizes) < 250 {
		t.Errorf("parts of %v rows", sizes)
	}
	turned := make([]int32, all.Len())
	for i := range turned {
		turned[i] = int32(all.Len() - 1 - i)
	}
	if back := all.Select(turned).Fold(9, 4); back[0] != at[all.Customers()[all.Len()-1]] {
		t.Error("the order of rows decides")
	}
	thin := all.Thin(9, 0.3)
	if n := thin.Len(); n < 300 || n > 700 || all.Thin(9, 1).Len() != all.Len() {
		t.Errorf("kept %d of %d rows", n, all.Len())
	}
	kept := map[string]int{}
	for _, c := range thin.Customers() {
		kept[c]++
	}
	for c, n := range kept {
		if n != 4 {
			t.Fatalf("customer %s is kept at %d of 4 cutoffs", c, n)
		}
	}
}

func TestMissingLabelIsNamed(t *testing.T) {
	t.Parallel()
	few, many := snapshots(t, 10), snapshots(t, 11)
	many[0].Labels = few[0].Labels
	if _, err := reader.Read(t.Context(), many[0], nil); err == nil || !strings.Contains(err.Error(), `no row for "c00010"`) {
		t.Errorf("a customer without a label: %v", err)
	}
}

// TestStackWeights: rows without weights count once beside weighted ones.
func TestStackWeights(t *testing.T) {
	t.Parallel()
	f, err := models.NewFrame([]string{"x"}, [][]float64{{1, 2}})
	if err != nil {
		t.Fatal(err)
	}
	a := Rows{Frame: f, Labels: []bool{true, false}}
	b := Rows{Frame: f, Labels: []bool{false, false}, Weights: []float64{3, 5}}
	got, err := Stack(a, b)
	if err != nil || !slices.Equal(got.Weights, []float64{1, 1, 3, 5}) || got.Rate() != 0.1 {
		t.Errorf("%v, rate %v, %v", got.Weights, got.Rate(), err)
	}
}
