package landing

import (
	"context"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/source"
)

// bundle is a directory and a DuckDB that reads what is written there.
type bundle struct {
	*testing.T
	path string
	duck *duck.Session
}

func setup(t *testing.T) *bundle {
	t.Helper()
	s, err := duck.Open(context.Background(), duck.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return &bundle{T: t, path: filepath.Join(t.TempDir(), "landing.parquet"), duck: s}
}

func (b *bundle) create(o Options, cols ...source.Column) *Writer {
	b.Helper()
	w, err := Create(b.path, cols, o)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { w.Close() })
	return w
}

func (b *bundle) end(w *Writer) {
	b.Helper()
	if err := w.EndRow(); err != nil {
		b.Fatal(err)
	}
}

func (b *bundle) close(w *Writer) {
	b.Helper()
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
}

// read gives the rows of a query in which "landing" stands for the file; every value
// is cast to text, NULL is "NULL".
func (b *bundle) read(query string) [][]string {
	b.Helper()
	query = strings.ReplaceAll(query, "FROM landing", "FROM read_parquet("+duck.Quote(b.path)+")")
	r, err := b.duck.Query(context.Background(), query)
	if err != nil {
		b.Fatal(err)
	}
	var rows [][]string
	for _, row := range r.Rows {
		var vals []string
		for _, v := range row {
			if v == nil {
				v = "NULL"
			}
			vals = append(vals, fmt.Sprint(v))
		}
		rows = append(rows, vals)
	}
	return rows
}

func (b *bundle) same(query string, want ...string) {
	b.Helper()
	var got []string
	for _, row := range b.read(query) {
		got = append(got, strings.Join(row, "|"))
	}
	if !slices.Equal(got, want) {
		b.Errorf("%s:\n got %q\nwant %q", query, got, want)
	}
}

func allKinds() []source.Column {
	cols := []source.Column{
		{Name: "zett", Kind: source.Text}, {Name: "int", Kind: source.Int}, {Name: "uint", Kind: source.Uint}, {Name: "bool", Kind: source.Bool},
		{Name: "float", Kind: source.Float}, {Name: "bytes", Kind: source.Bytes}, {Name: "date", Kind: source.Date},
		{Name: "ts", Kind: source.Timestamp}, {Name: "Instant", Kind: source.Instant},
	}
	for _, p := range [][2]int{{1, 0}, {4, 4}, {9, 2}, {10, 0}, {18, 4}, {19, 3}, {38, 0}, {38, 9}, {38, 38}} {
		cols = append(cols, source.Column{Name: fmt.Sprintf("dec %d_%d", p[0], p[1]), Kind: source.Decimal, Precision: p[0], Scale: p[1]})
	}
	return cols
}

func TestTypesAreThoseOfTheColumns(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cols := allKinds()
	w := b.create(Options{}, cols...)
	b.end(w)
	b.close(w)
	var want []string
	for _, c := range append(cols, source.Column{Name: ColRow, Kind: source.Int}, source.Column{Name: source.ColUnfit}) {
		typ := strings.ReplaceAll(c.Type(), "TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE")
		want = append(want, c.Name+"|"+typ)
		if c.Name != ColRow && source.ColumnOf(c.Name, typ) != c {
			t.Errorf("%s reads back as %v", c.Type(), source.ColumnOf(c.Name, typ))
		}
	}
	b.same("SELECT column_name, column_type FROM (DESCRIBE FROM landing)", want...)
	b.same("SELECT COLUMNS(c -> c <> '_row') IS NULL FROM landing", strings.TrimSuffix(strings.Repeat("true|", len(cols)+1), "|"))
}

func TestValues(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := b.create(Options{}, source.Column{Name: "text"}, source.Column{Name: "f", Kind: source.Float}, source.Column{Name: "u", Kind: source.Uint},
		source.Column{Name: "d", Kind: source.Date}, source.Column{Name: "t", Kind: source.Timestamp}, source.Column{Name: "i", Kind: source.Instant},
		source.Column{Name: "b", Kind: source.Bytes})
	rows := []struct {
		text string
		f    float64
		u    uint64
		d    int32
		t    int64
	}{
		{"", math.NaN(), 0, MinDays, MinMicros},
		{"a\x00b", math.Inf(1), math.MaxUint64, EndDays - 1, EndMicros - 1},
		{"\U0010FFFF\U0001F600\u00e4", math.Inf(-1), 1 << 63, -1, -1},
		{"NULL", math.Copysign(0, -1), 7, 0, 0},
	}
	for _, r := range rows {
		w.Text(0, []byte(r.text))
		w.Float(1, r.f)
		w.Uint(2, r.u)
		w.Date(3, r.d)
		w.Time(4, r.t)
		w.Time(5, r.t)
		w.Blob(6, []byte(r.text))
		b.end(w)
	}
	w.Text(0, []byte("gone"))
	w.Null(0)
	b.end(w)
	b.close(w)
	b.same("SELECT hex(text), f::varchar, u, d::varchar, t::varchar, i::varchar, hex(b), _row, _unfit FROM landing",
		"|nan|0|0001-01-01|0001-01-01 00:00:00|0001-01-01 00:00:00+00||1|NULL",
		"610062|inf|18446744073709551615|9999-12-31|9999-12-31 23:59:59.999999|9999-12-31 23:59:59.999999+00|610062|2|NULL",
		"F48FBFBFF09F9880C3A4|-inf|9223372036854775808|1969-12-31|1969-12-31 23:59:59.999999|1969-12-31 23:59:59.999999+00|F48FBFBFF09F9880C3A4|3|NULL",
		"4E554C4C|-0.0|7|1970-01-01|1970-01-01 00:00:00|1970-01-01 00:00:00+00|4E554C4C|4|NULL",
		"NULL|NULL|NULL|NULL|NULL|NULL|NULL|5|NULL")
}

func TestUnfit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := b.create(Options{}, source.Column{Name: "text"}, source.Column{Name: "d", Kind: source.Date}, source.Column{Name: "t", Kind: source.Timestamp},
		source.Column{Name: "n", Kind: source.Decimal, Precision: 4, Scale: 2}, source.Column{Name: "wide", Kind: source.Decimal, Precision: 38, Scale: 10})
	w.Text(0, []byte("good"))
	w.Unfit(1, "infinity")
	w.Decimal64(3, 10000)
	b.end(w)
	w.Text(0, []byte("bad \xff"))
	w.Date(1, EndDays)
	w.Time(2, MinMicros-1)
	w.DecimalText(3, []byte("NaN"))
	w.DecimalBig(4, new(big.Int).Neg(new(big.Int).Exp(big.NewInt(10), big.NewInt(38), nil)))
	b.end(w)
	w.Unfit(1, "x\x1ftext=")
	w.DecimalText(3, []byte("-100.001"))
	w.DecimalBig(4, new(big.Int).Exp(big.NewInt(10), big.NewInt(60), nil))
	b.end(w)
	w.Text(0, []byte("fit"))
	b.end(w)
	b.close(w)
	b.same("SELECT text, d, t, n, wide, replace(_unfit, chr(31), ' ') FROM landing",
		"good|NULL|NULL|NULL|NULL| d=infinity n=100.00",
		`NULL|NULL|NULL|NULL|NULL| text=\x62616420ff d=10000-01-01 t=0000-12-31 23:59:59.999999 n=NaN wide=-10000000000000000000000000000.0000000000`,
		`NULL|NULL|NULL|NULL|NULL| d=\x781f746578743d n=-100.001 wide=100000000000000000000000000000000000000000000000000.0000000000`,
		"fit|NULL|NULL|NULL|NULL|NULL")
}

// TestRoundTrip writes files of generated columns, values and row groups and compares
// every value.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 0))
		cols := slices.DeleteFunc(allKinds(), func(source.Column) bool { return r.IntN(3) == 0 })
		if len(cols) == 0 {
			continue
		}
		w := b.create(Options{GroupBytes: int64(1 + r.IntN(20000)), GroupRows: int64(1 + r.IntN(3000))}, cols...)
		nulls, n := r.IntN(4), r.IntN(4000)
		var want [][]string
		for range n {
			row := make([]string, len(cols))
			for _, i := range r.Perm(len(cols)) {
				row[i] = "NULL"
				if r.IntN(4) >= nulls {
					row[i] = put(w, r, i, cols[i])
				}
			}
			b.end(w)
			want = append(want, row)
		}
		b.close(w)
		if w.Rows() != int64(n) {
			t.Fatalf("Rows() = %d, want %d", w.Rows(), n)
		}
		var exprs []string
		for _, c := range cols {
			exprs = append(exprs, textOf(c))
		}
		got := b.read("SELECT " + strings.Join(exprs, ", ") + " FROM landing ORDER BY _row")
		if len(got) != n {
			t.Fatalf("seed %d: %d rows, want %d", seed, len(got), n)
		}
		for i := range want {
			if !slices.Equal(got[i], want[i]) {
				t.Fatalf("seed %d, row %d:\n got %q\nwant %q", seed, i+1, got[i], want[i])
			}
		}
	}
}

func textOf(c source.Column) string {
	name := duck.Ident(c.Name)
	switch c.Kind {
	case source.Text, source.Bytes:
		return "hex(" + name + ")"
	case source.Float:
		return "printf('%.17g', " + name + ")"
	case source.Timestamp, source.Instant:
		return "epoch_us(" + name + ")::varchar"
	}
	return name + "::varchar"
}

// put writes a value and gives its text.
func put(w *Writer, r *rand.Rand, i int, c source.Column) string {
	switch c.Kind {
	case source.Int:
		v := int64(r.Uint64()) >> r.IntN(64)
		w.Int(i, v)
		return fmt.Sprint(v)
	case source.Uint:
		v := r.Uint64() >> r.IntN(64)
		w.Uint(i, v)
		return fmt.Sprint(v)
	case source.Bool:
		v := r.IntN(2) == 0
		w.Bool(i, v)
		return fmt.Sprint(v)
	case source.Float:
		v := math.Float64frombits(r.Uint64())
		if math.IsNaN(v) || math.IsInf(v, 0) {
			v = 0.1
		}
		w.Float(i, v)
		return strings.ReplaceAll(fmt.Sprintf("%.17g", v), "+Inf", "inf")
	case source.Date:
		v := MinDays + r.Int32N(EndDays-MinDays)
		w.Date(i, v)
		return time.Unix(int64(v)*86400, 0).UTC().Format(time.DateOnly)
	case source.Timestamp, source.Instant:
		v := MinMicros + r.Int64N(EndMicros-MinMicros)
		w.Time(i, v)
		return fmt.Sprint(v)
	case source.Decimal:
		v := number(r, c.Precision)
		w.DecimalBig(i, v)
		return duckDecimal(unscaledText(v, c.Scale), c)
	case source.Bytes:
		v := make([]byte, r.IntN(30))
		for k := range v {
			v[k] = byte(r.Uint32())
		}
		w.Blob(i, v)
		return fmt.Sprintf("%X", v)
	}
	text := []byte(string([]rune{'a', 0, r.Int32N(0x80), r.Int32N(0xD800), 0xE000 + r.Int32N(0x110000-0xE000)}[:r.IntN(6)]))
	w.Text(i, text)
	hex := fmt.Sprintf("%X", text)
	clear(text) // the writer must not keep it
	return hex
}
