package relational

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mainstay-etl/mainstay/pipeline/contract"
	"github.com/mainstay-etl/mainstay/pipeline/source"
)

// drift compares a table's columns with those of the last read.
func drift(name string, before []seen, now []Field, freeze bool) (warnings []string, err error) {
	t, err := contract.Lookup(name)
	if err != nil {
		return nil, err
	}
	if freeze {
		if err := frozen(name, before, now); err != nil {
			return nil, err
		}
	}
	for _, b := range before {
		_, contracted := t.Column(strings.ToLower(b.Name))
		i := slices.IndexFunc(now, func(f Field) bool { return f.Name == b.Name })
		switch {
		case i < 0 && contracted:
			return nil, fmt.Errorf("column %s of the contract was %s in the last extraction and is gone: change the select so that another column gives it (a changed mapping is read anew)", b.Name, b.Server)
		case i < 0:
			warnings = append(warnings, fmt.Sprintf("column %s (%s) is gone; rows read from now on have NULL in it", b.Name, b.Server))
		case widens(b.column(), now[i].Column), !contracted && together(b.column(), now[i].Column):
		case contracted:
			return nil, fmt.Errorf("column %s of the contract was %s in the last extraction and is %s now, which cannot hold all that was read: cast it in the select, or let another column give it (a changed mapping is read anew)", b.Name, b.Server, now[i].Server)
		default:
			return nil, clash(b, now[i])
		}
	}
	for _, f := range now {
		if !slices.ContainsFunc(before, func(b seen) bool { return b.Name == f.Name }) {
			warnings = append(warnings, fmt.Sprintf("column %s (%s) is new; rows read before have NULL in it until a verification finds their values", f.Name, f.Server))
		}
	}
	return warnings, nil
}

// clashes finds a column that rides along whose values of before and of now cannot be
// kept in one column, as a changed mapping may give one.
func clashes(name string, before []seen, now []Field) error {
	t, err := contract.Lookup(name)
	if err != nil {
		return err
	}
	for _, b := range before {
		i := slices.IndexFunc(now, func(f Field) bool { return f.Name == b.Name })
		if _, contracted := t.Column(strings.ToLower(b.Name)); !contracted && i >= 0 && !together(b.column(), now[i].Column) {
			return clash(b, now[i])
		}
	}
	return nil
}

// together tells whether one column can hold the values of both.
func together(a, b source.Column) bool { return widens(a, b) || widens(b, a) }

func clash(b seen, now Field) error {
	return fmt.Errorf("column %s was %s in the last extraction and is %s now: one column cannot hold the values of both unaltered; cast it in the select, or give it another name there", b.Name, b.Server, now.Server)
}

// frozen is the error of the policy freeze.
func frozen(name string, before []seen, now []Field) error {
	var changes []string
	for _, b := range before {
		i := slices.IndexFunc(now, func(f Field) bool { return f.Name == b.Name })
		switch {
		case i < 0:
			changes = append(changes, fmt.Sprintf("%s (%s) is gone", b.Name, b.Server))
		case b.Server != now[i].Server:
			changes = append(changes, fmt.Sprintf("%s was %s and is %s", b.Name, b.Server, now[i].Server))
		}
	}
	for _, f := range now {
		if !slices.ContainsFunc(before, func(b seen) bool { return b.Name == f.Name }) {
			changes = append(changes, fmt.Sprintf("%s (%s) is new", f.Name, f.Server))
		}
	}
	if len(changes) == 0 {
		return nil
	}
	return fmt.Errorf("columns of %s have changed since the last extraction, and schema_changes is freeze: %s; change the select so that it gives the columns as they were, or set schema_changes to evolve", name, strings.Join(changes, "; "))
}

// widens tells whether every value of a column fits into what it has become.
func widens(from, to source.Column) bool {
	switch {
	case from.Kind == to.Kind && from.Kind != source.Decimal:
		return true
	case to.Kind == source.Text:
		return from.Kind != source.Bytes
	case to.Kind == source.Decimal:
		room := to.Precision - to.Scale
		switch from.Kind {
		case source.Int:
			return room >= 19
		case source.Uint:
			return room >= 20
		case source.Decimal:
			return to.Scale >= from.Scale && room >= from.Precision-from.Scale
		}
	case to.Kind == source.Timestamp:
		return from.Kind == source.Date
	}
	return false
}
