package landing

import (
	"bytes"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/pipeline/source"
)

func TestDecimals(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var cols []source.Column
	for _, c := range allKinds() {
		if c.Kind == source.Decimal {
			cols = append(cols, c)
		}
	}
	w := b.create(Options{}, cols...)
	r := rand.New(rand.NewPCG(1, 2))
	var want [][]string
	for range 500 {
		var row []string
		for i, c := range cols {
			v := number(r, c.Precision)
			text := unscaledText(v, c.Scale)
			switch way := r.IntN(3); {
			case way == 0 && v.IsInt64():
				w.Decimal64(i, v.Int64())
			case way == 1:
				w.DecimalBig(i, v)
			default:
				w.DecimalText(i, []byte(text))
			}
			row = append(row, duckDecimal(text, c))
		}
		b.end(w)
		want = append(want, row)
	}
	b.close(w)
	got := b.read("SELECT COLUMNS(c -> c NOT IN ('_row', '_unfit'))::varchar FROM landing")
	for i := range want {
		if !slices.Equal(got[i], want[i]) {
			t.Fatalf("row %d:\n got %q\nwant %q", i+1, got[i], want[i])
		}
	}
}

// duckDecimal is a decimal as DuckDB writes it: without a zero before the point when
// the type has no digit there.
func duckDecimal(text string, c source.Column) string {
	if c.Scale == c.Precision {
		return strings.Replace(text, "0.", ".", 1)
	}
	return text
}

// number is a whole number of at most so many digits, often one at the border.
func number(r *rand.Rand, precision int) *big.Int {
	digits := make([]byte, 1+r.IntN(precision))
	for i := range digits {
		digits[i] = byte('0' + r.IntN(10))
	}
	if r.IntN(5) == 0 {
		digits = bytes.Repeat([]byte("9"), precision)
	}
	v, _ := new(big.Int).SetString(string(digits), 10)
	if r.IntN(2) == 0 {
		v.Neg(v)
	}
	return v
}

func TestParseDecimal(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text  string
		scale int
		want  string // without the point; "" is no such number
	}{
		{"0", 0, "0"}, {"-0.00", 2, "0"}, {"12.5", 2, "1250"}, {"-12.50", 1, "-125"}, {"12.51", 1, ""}, {"", 0, ""}, {".", 0, ""}, {"-", 0, ""},
		{".5", 1, "5"}, {"5.", 1, "50"}, {"1e5", 0, ""}, {"1.2.3", 3, ""}, {"NaN", 2, ""}, {"+7", 0, "7"},
		{"99999999999999999999999999999999999999", 0, "99999999999999999999999999999999999999"},
		{"999999999999999999999999999999999999999999", 0, ""},
	} {
		hi, lo, negative, ok := parseDecimal([]byte(c.text), c.scale)
		v := new(big.Int).Add(new(big.Int).Lsh(new(big.Int).SetUint64(hi), 64), new(big.Int).SetUint64(lo))
		if negative {
			v.Neg(v)
		}
		if ok != (c.want != "") || ok && v.String() != c.want {
			t.Errorf("%q, %d: %s, %v, want %q", c.text, c.scale, v, ok, c.want)
		}
	}
}
