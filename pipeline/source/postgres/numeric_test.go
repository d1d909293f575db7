package postgres

import (
	"encoding/binary"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/pipeline/source/relational"
)

// taken is a sink that keeps the last decimal.
type taken struct {
	relational.Sink
	value string
}

func (s *taken) Decimal64(_ int, v int64)     { s.value = big.NewInt(v).String() }
func (s *taken) DecimalBig(_ int, v *big.Int) { s.value = v.String() }
func (s *taken) Unfit(_ int, raw string)      { s.value = raw }

// encode writes a number as the server does: groups of four digits around the point,
// without groups of zeros at the ends.
func encode(unscaled *big.Int, scale int) []byte {
	digits := new(big.Int).Abs(unscaled).String()
	digits = strings.Repeat("0", max(0, scale+1-len(digits))) + digits
	whole, frac := digits[:len(digits)-scale], digits[len(digits)-scale:]
	whole = strings.Repeat("0", (4-len(whole)%4)%4) + whole
	frac += strings.Repeat("0", (4-len(frac)%4)%4)
	var groups []uint16
	for at := 0; at < len(whole+frac); at += 4 {
		var g uint16
		for _, c := range (whole + frac)[at : at+4] {
			g = g*10 + uint16(c-'0')
		}
		groups = append(groups, g)
	}
	weight := len(whole)/4 - 1
	for len(groups) > 0 && groups[0] == 0 {
		groups, weight = groups[1:], weight-1
	}
	for len(groups) > 0 && groups[len(groups)-1] == 0 {
		groups = groups[:len(groups)-1]
	}
	if len(groups) == 0 {
		weight = 0
	}
	var sign uint16
	if unscaled.Sign() < 0 {
		sign = signMinus
	}
	var out []byte
	for _, v := range append([]uint16{uint16(len(groups)), uint16(int16(weight)), sign, uint16(scale)}, groups...) {
		out = binary.BigEndian.AppendUint16(out, v)
	}
	return out
}

func TestNumeric(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	var n numeric
	for range 50_000 {
		precision := 1 + r.IntN(38)
		scale := r.IntN(precision + 1)
		v := new(big.Int)
		for range r.IntN(precision + 1) {
			d := int64(r.IntN(10))
			if r.IntN(2) == 0 {
				d = 0
			}
			v.Add(v.Mul(v, big.NewInt(10)), big.NewInt(d))
		}
		if r.IntN(2) == 0 {
			v.Neg(v)
		}
		var s taken
		if err := n.decode(&s, 0, encode(v, scale), scale); err != nil || s.value != v.String() {
			t.Fatalf("%s with scale %d: %s, %v", v, scale, s.value, err)
		}
	}
}

func FuzzNumeric(f *testing.F) {
	f.Add(encode(big.NewInt(-12345), 2), 2)
	f.Add([]byte{0, 1, 0x7f, 0xff, 0, 0, 0, 0, 0, 1}, 38)
	f.Add([]byte{0, 0, 0, 0, 0xc0, 0, 0, 0}, 0)
	f.Fuzz(func(_ *testing.T, v []byte, scale int) {
		if scale < 0 || scale > 38 {
			return
		}
		var n numeric
		n.decode(&taken{}, 0, v, scale) // it may be an error, but nothing worse
	})
}

func TestPrecision(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		mod  int32
		p, s int
	}{{(12<<16 | 2) + 4, 12, 2}, {(38 << 16) + 4, 38, 0}, {(3<<16 | 0x7fe) + 4, 3, -2}, {(1000<<16 | 1000) + 4, 1000, 1000}} {
		if p, s := precision(c.mod); p != c.p || s != c.s {
			t.Errorf("%d: %d, %d, want %+v", c.mod, p, s, c)
		}
	}
}

func TestTLSByDefault(t *testing.T) {
	t.Setenv("PGSSLMODE", "disable") // the environment has no say
	t.Setenv("PGHOST", "")
	for address, verified := range map[string]bool{
		"postgres://reader@db.example:5432/shop":                true,
		"postgresql://reader@10.0.0.5/shop":                     true,
		"postgres://reader@db/shop?sslmode=disable":             false,
		"postgres://reader@localhost/shop":                      false,
		"postgres://reader@127.0.0.1:5432/shop":                 false,
		"postgres://reader@[::1]:5432/shop":                     false,
		"postgres://reader@/shop?host=/var/run/postgresql":      false,
		"postgres://reader@localhost:5432,db.example:5432/shop": true,
		"postgres://reader@localhost/shop?sslmode=verify-full":  true,
		"postgres://reader@[2001:db8::1]:5432/shop":             true,
	} {
		config, err := configOf(address)
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		got := config.TLSConfig != nil && !config.TLSConfig.InsecureSkipVerify && config.TLSConfig.ServerName != ""
		for _, f := range config.Fallbacks {
			got = got && f.TLSConfig != nil
		}
		if got != verified {
			t.Errorf("%s: verified %v", address, got)
		}
	}
}
