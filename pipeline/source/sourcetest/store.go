package sourcetest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mainstay-etl/mainstay/pipeline/contract"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/source"
)

// store is the plainest lake there could be: rows in memory, by what identifies them.
type store struct {
	*reader
	inputs map[string]source.Input
	states map[string]string
	rows   map[rowID]row
}

type rowID struct{ table, key string }

type row struct {
	input, text string
	digest      int64
}

func (r *reader) newStore() *store {
	return &store{reader: r, inputs: map[string]source.Input{}, states: map[string]string{}, rows: map[rowID]row{}}
}

// known is what the ledger would tell; it keeps times to the microsecond, in UTC.
func (s *store) known() source.Known {
	inputs, states := maps.Clone(s.inputs), maps.Clone(s.states)
	return source.Known{AsOf: asOf, State: func(table string) string { return states[table] }, Input: func(name string) (source.Input, bool) {
		in, ok := inputs[name]
		return in, ok
	}}
}

// commit takes a landing's rows.
func (s *store) commit(landed source.Landed) {
	s.Helper()
	in := landed.Input
	if landed.Mode == source.Replace {
		maps.DeleteFunc(s.rows, func(_ rowID, r row) bool { return r.input == in.Name })
	}
	for table, path := range landed.Tables {
		for id, text := range s.landed(table, path, landed.Keys[table], in.Name) {
			if _, twice := s.rows[id]; twice && landed.Mode == source.Append {
				s.Errorf("input %s appends row %v, which was read before", in.Name, id)
			}
			s.rows[id] = text
		}
	}
	if landed.Malformed != "" {
		for id, text := range s.landed("malformed", landed.Malformed, nil, in.Name) {
			s.rows[id] = text
		}
	}
	in.ModifiedAt = in.ModifiedAt.UTC().Truncate(1000)
	s.inputs[in.Name] = in
	maps.Copy(s.states, landed.States)
}

// content writes out what is stored, for comparison.
func (s *store) content() string {
	lines := make([]string, 0, len(s.rows))
	for id, r := range s.rows {
		lines = append(lines, id.table+" "+id.key+": "+r.text)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// digests are the digests of a table's rows by key.
func (s *store) digests(table string) map[string]int64 {
	out := map[string]int64{}
	for id, r := range s.rows {
		if id.table == table {
			out[id.key] = r.digest
		}
	}
	return out
}

// landed reads the rows of a landing file: of a database by key, else by input and
// number.
func (r *reader) landed(table, path string, keys []string, input string) map[rowID]row {
	r.Helper()
	from := duck.ReadParquet([]string{path})
	key, digest, text := fmt.Sprintf("%s || ' ' || _row", duck.Quote(input)), "0::BIGINT", "CAST(t AS VARCHAR)"
	if len(keys) > 0 {
		cols, err := r.sess.Columns(r.ctx, "SELECT * FROM "+from)
		if err != nil {
			r.Fatal(err)
		}
		// The number of a row depends on how the reading was cut.
		key, digest, text = source.DuckKey(columnsOf(cols, keys)), source.DuckDigest(columnsOf(cols, nil)), fmt.Sprintf("CAST(struct_pack(%s) AS VARCHAR)", fields(cols))
	}
	res := r.query(fmt.Sprintf("SELECT %s, %s, %s FROM (SELECT * FROM %s) AS t", key, digest, text, from))
	out := map[rowID]row{}
	for _, v := range res.Rows {
		id := rowID{table, fmt.Sprint(v[0])}
		if _, twice := out[id]; twice {
			r.Errorf("input %s has row %v twice", input, id)
		}
		out[id] = row{input: input, text: fmt.Sprint(v[2]), digest: v[1].(int64)}
	}
	return out
}

// columnsOf are the source's columns, or those of them that are named.
func columnsOf(cols []duck.Column, names []string) []source.Column {
	var out []source.Column
	for _, c := range cols {
		if !strings.HasPrefix(c.Name, "_") && names == nil {
			out = append(out, source.ColumnOf(c.Name, c.Type))
		}
	}
	for _, name := range names {
		for _, c := range cols {
			if c.Name == name {
				out = append(out, source.ColumnOf(c.Name, c.Type))
			}
		}
	}
	return out
}

// listed are the keys and digests of a listing.
func (r *reader) listed(l source.Listing) map[string]int64 {
	r.Helper()
	out := map[string]int64{}
	if len(l.Files) == 0 {
		return out
	}
	from := duck.ReadParquet(l.Files)
	cols, err := r.sess.Columns(r.ctx, "SELECT * FROM "+from)
	if err != nil {
		r.Fatal(err)
	}
	for _, v := range r.query(fmt.Sprintf("SELECT %s, %s FROM %s", source.DuckKey(columnsOf(cols, l.Keys)), source.ColHash, from)).Rows {
		out[fmt.Sprint(v[0])] = v[1].(int64)
	}
	return out
}

// fields are the members of a struct of all columns but the row's number.
func fields(cols []duck.Column) string {
	var out []string
	for _, c := range cols {
		if c.Name != contract.ColRow {
			out = append(out, duck.Ident(c.Name)+" := "+duck.Ident(c.Name))
		}
	}
	return strings.Join(out, ", ")
}
