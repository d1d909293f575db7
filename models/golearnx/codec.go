package golearnx

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/mainstay-etl/mainstay/models"
)

// A saved forest is a compact form of the fields of golearn's nodes (golearn's
// own serialiser writes JSON into a gzipped tar, syncs the disk for each key and
// does not store the number of trees: a short file loads silently). Numbers are
// unsigned varints:
//
//	features, each: length, bytes
//	trees, each: nodes, then each node from the root, child "0" before child "1":
//	  0 zeros ones                leaf with its class counts
//	  feature+1 threshold(8 bytes little endian)
//
// Counts of inner nodes are the sums of their children's.
func encode(features []string, f flatForest) []byte {
	b := binary.AppendUvarint(nil, uint64(len(features)))
	for _, name := range features {
		b = binary.AppendUvarint(b, uint64(len(name)))
		b = append(b, name...)
	}
	b = binary.AppendUvarint(b, uint64(len(f.roots)))
	for i, root := range f.roots {
		end := int32(len(f.nodes))
		if i+1 < len(f.roots) {
			end = f.roots[i+1]
		}
		b = binary.AppendUvarint(b, uint64(end-root))
		for at := root; at < end; at++ {
			n := f.nodes[at]
			b = binary.AppendUvarint(b, uint64(n.feature+1))
			if n.feature < 0 {
				b = binary.AppendUvarint(b, uint64(f.counts[at].zeros))
				b = binary.AppendUvarint(b, uint64(f.counts[at].ones))
			} else {
				b = binary.LittleEndian.AppendUint64(b, math.Float64bits(n.threshold))
			}
		}
	}
	return b
}

// decoder reads with one sticky error.
type decoder struct {
	b   []byte
	err error
}

func (d *decoder) fail(what string) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: %s", models.ErrCorrupt, what)
	}
}

// number reads a varint of at most limit.
func (d *decoder) number(limit uint64, what string) uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 || v > limit {
		d.fail(what)
		d.b = nil
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) bytes(n uint64, what string) []byte {
	if uint64(len(d.b)) < n {
		d.fail(what)
		return make([]byte, min(n, 8))
	}
	out := d.b[:n]
	d.b = d.b[n:]
	return out
}

func decode(b []byte) ([]string, flatForest, error) {
	d := &decoder{b: b}
	var f flatForest
	features := []string{}
	for range d.number(uint64(len(b)), "number of features") {
		features = append(features, string(d.bytes(d.number(1<<16, "length of a name"), "name of a feature")))
	}
	for range d.number(uint64(len(b)), "number of trees") {
		if d.err != nil {
			break
		}
		f.roots = append(f.roots, int32(len(f.nodes)))
		d.tree(&f, len(features))
	}
	if d.err == nil && (len(d.b) > 0 || len(f.roots) == 0 || len(features) == 0) {
		d.fail("no trees, no features, or bytes left over")
	}
	if d.err != nil {
		return nil, flatForest{}, d.err
	}
	f.value = make([]float64, len(f.counts))
	for i, c := range f.counts {
		f.value[i] = c.share()
	}
	return features, f, nil
}

// tree reads one tree; open holds the inner nodes that still wait for a child.
func (d *decoder) tree(f *flatForest, features int) {
	nodes := d.number(uint64(len(d.b)), "number of nodes")
	var open []int32
	for k := range nodes {
		if d.err != nil || (k > 0 && len(open) == 0) {
			d.fail("a node that belongs to no tree")
			return
		}
		at := int32(len(f.nodes))
		feature := int32(d.number(uint64(features), "number of a feature")) - 1
		n, c := flatNode{feature: feature}, classCounts{}
		if feature >= 0 {
			n.threshold = math.Float64frombits(binary.LittleEndian.Uint64(d.bytes(8, "threshold")))
			if math.IsNaN(n.threshold) || math.IsInf(n.threshold, 0) {
				d.fail("a threshold that is no number")
			}
		} else {
			c.zeros = uint32(d.number(math.MaxUint32, "class count"))
			c.ones = uint32(d.number(math.MaxUint32, "class count"))
			if uint64(c.zeros)+uint64(c.ones) == 0 || uint64(c.zeros)+uint64(c.ones) > math.MaxUint32 {
				d.fail("class counts of a leaf")
			}
		}
		f.nodes, f.counts = append(f.nodes, n), append(f.counts, c)
		if feature >= 0 {
			open = append(open, at)
			continue
		}
		open = f.close(open, at)
	}
	if nodes == 0 || len(open) > 0 {
		d.fail("a tree without its leaves")
	}
}

// close books a finished subtree on its parents: the first to come is child "0",
// the second child "1", after which the parent is finished too.
func (f *flatForest) close(open []int32, at int32) []int32 {
	for len(open) > 0 {
		parent := open[len(open)-1]
		c, sub := &f.counts[parent], f.counts[at]
		c.zeros, c.ones = c.zeros+sub.zeros, c.ones+sub.ones
		if at == parent+1 {
			f.nodes[parent].one = int32(len(f.nodes))
			return open
		}
		open, at = open[:len(open)-1], parent
	}
	return open
}
