package boost

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/mainstay-etl/mainstay/models"
)

// A saved model: unsigned varints for counts, 8 bytes little endian for numbers.
//
//	"BST1", base, number of features, each: length and bytes of its name
//	number of trees, each: number of nodes, each node from the root, left before right:
//	  0, value, cover                                  a leaf
//	  2 feature + 1 (+ 1 when missing goes right), threshold
//
// The cover of an inner node is the sum of its children's.
const codecMagic = "BST1"

// MarshalBinary writes features and trees.
func (m *Model) MarshalBinary() ([]byte, error) {
	if m.learned == nil {
		return nil, fmt.Errorf("saving boosted trees: %w", models.ErrNotFitted)
	}
	b := appendNumber([]byte(codecMagic), m.learned.base)
	b = binary.AppendUvarint(b, uint64(len(m.learned.features)))
	for _, name := range m.learned.features {
		b = append(binary.AppendUvarint(b, uint64(len(name))), name...)
	}
	b = binary.AppendUvarint(b, uint64(len(m.learned.trees)))
	for _, t := range m.learned.trees {
		b = binary.AppendUvarint(b, uint64(len(t)))
		for _, n := range t {
			b = n.appendTo(b)
		}
	}
	return b, nil
}

func appendNumber(b []byte, v float64) []byte {
	return binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
}

func (n *node) appendTo(b []byte) []byte {
	if n.feature < 0 {
		return appendNumber(appendNumber(append(b, 0), n.value), n.cover)
	}
	code := 2*uint64(n.feature) + 1
	if n.missingRight {
		code++
	}
	return appendNumber(binary.AppendUvarint(b, code), n.threshold)
}

// UnmarshalBinary restores what MarshalBinary wrote.
func (m *Model) UnmarshalBinary(b []byte) error {
	d := decoder{b: b}
	l, err := d.model()
	if err != nil {
		return fmt.Errorf("loading boosted trees: %w", err)
	}
	m.learned = l
	return nil
}

// decoder reads with one sticky error.
type decoder struct {
	b   []byte
	err error
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: %s", models.ErrCorrupt, fmt.Sprintf(format, args...))
	}
	d.b = nil
}

func (d *decoder) take(n uint64) []byte {
	if uint64(len(d.b)) < n {
		d.fail("it ends too early")
		return nil
	}
	out := d.b[:n]
	d.b = d.b[n:]
	return out
}

// count reads a varint of at most limit.
func (d *decoder) count(limit uint64, what string) uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 || v > limit {
		d.fail("%s is out of range", what)
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) number(what string) float64 {
	b := d.take(8)
	if b == nil {
		return 0
	}
	v := math.Float64frombits(binary.LittleEndian.Uint64(b))
	if math.IsNaN(v) || math.IsInf(v, 0) {
		d.fail("%s is not finite", what)
	}
	return v
}

func (d *decoder) model() (*learned, error) {
	if string(d.take(uint64(len(codecMagic)))) != codecMagic {
		d.fail("it does not begin with %s", codecMagic)
	}
	base := d.number("the base")
	features := []string{}
	for n := d.count(maxFeatures, "the number of features"); n > 0 && d.err == nil; n-- {
		features = append(features, string(d.take(d.count(1<<16, "the length of a name"))))
	}
	var trees []tree
	for n := d.count(uint64(len(d.b)), "the number of trees"); n > 0 && d.err == nil; n-- {
		trees = append(trees, d.tree(len(features)))
	}
	if d.err == nil && (len(d.b) > 0 || len(trees) == 0 || len(features) == 0) {
		d.fail("no features, no trees, or bytes left over")
	}
	if d.err != nil {
		return nil, d.err
	}
	l, err := newLearned(features, base, trees)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", models.ErrCorrupt, err)
	}
	return l, nil
}

// tree reads one tree; open holds the inner nodes that still wait for a child.
func (d *decoder) tree(features int) tree {
	var t tree
	var open []int32
	nodes := d.count(min(uint64(len(d.b)), 2*maxLeaves), "the number of nodes")
	for k := range nodes {
		if d.err != nil || k > 0 && len(open) == 0 {
			d.fail("a node belongs to no tree")
			return nil
		}
		at := int32(len(t))
		t = append(t, d.node(features))
		if t[at].feature >= 0 {
			open = append(open, at)
		} else {
			open = t.closeNode(open, at)
		}
	}
	if nodes == 0 || len(open) > 0 {
		d.fail("a tree lacks leaves")
	}
	return t
}

func (d *decoder) node(features int) node {
	code := d.count(2*uint64(features), "the number of a feature")
	if code == 0 {
		n := node{feature: -1, value: d.number("a value"), cover: d.number("a cover")}
		if n.cover < 0 {
			d.fail("a cover is negative")
		}
		return n
	}
	n := node{feature: int32(code-1) / 2, missingRight: code%2 == 0, threshold: d.number("a threshold")}
	if n.missingRight && n.threshold <= belowAll {
		d.fail("a node sends everything to one side")
	}
	return n
}
