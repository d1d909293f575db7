package golearnx

import (
	"fmt"
	"slices"

	"github.com/sjwhitworth/golearn/base"

	"github.com/mainstay-etl/mainstay/models"
)

// className is the name of the class attribute of our grids.
const className = "outcome"

// classAttribute has its values and their order fixed up front: golearn appends
// values in the order it meets them, and two orders do not go together.
func classAttribute() *base.CategoricalAttribute {
	a := base.NewCategoricalAttribute()
	a.SetName(className)
	for _, c := range models.Classes {
		a.GetSysValFromString(c)
	}
	return a
}

func floatAttributes(names []string) []base.Attribute {
	attrs := make([]base.Attribute, len(names))
	for j, name := range names {
		attrs[j] = base.NewFloatAttribute(name)
	}
	return attrs
}

// ToGrid copies a frame into a golearn grid, with the labels as class attribute
// (nil: all "0"). It costs eight bytes per cell: use it where golearn needs it.
func ToGrid(f *models.Frame, labels []bool) (*base.DenseInstances, error) {
	if f.Find(className) >= 0 {
		return nil, fmt.Errorf("making a golearn grid: a feature has the name %s of the class", className)
	}
	g := base.NewDenseInstances()
	specs := make([]base.AttributeSpec, len(f.Features()))
	for j, a := range floatAttributes(f.Features()) {
		specs[j] = g.AddAttribute(a)
	}
	class := classAttribute()
	classSpec := g.AddAttribute(class)
	if err := g.AddClassAttribute(class); err != nil {
		return nil, fmt.Errorf("making a golearn grid: %w", err)
	}
	if err := g.Extend(f.Rows()); err != nil {
		return nil, fmt.Errorf("making a golearn grid: %w", err)
	}
	for j := range specs {
		c := f.Column(j)
		for i := range f.Rows() {
			g.Set(specs[j], i, base.PackFloatToBytes(c.At(i)))
		}
	}
	for i := range f.Rows() {
		g.Set(classSpec, i, class.GetSysVal(classOf(labels != nil && labels[i])))
	}
	return g, nil
}

func classOf(label bool) string {
	if label {
		return models.Classes[1]
	}
	return models.Classes[0]
}

// FromGrid reads the float attributes of a golearn grid, sorted by name (golearn's
// own order can differ between two grids of the same data), and its class. The
// grid must have one class attribute with the values "0" and "1"; infinities are
// rejected.
func FromGrid(g base.FixedDataGrid) (*models.Frame, []bool, error) {
	classes := g.AllClassAttributes()
	if len(classes) != 1 {
		return nil, nil, fmt.Errorf("reading a golearn grid: %d class attributes, expected 1", len(classes))
	}
	var attrs []base.Attribute
	for _, a := range g.AllAttributes() {
		if a.Equals(classes[0]) {
			continue
		}
		if _, ok := a.(*base.FloatAttribute); !ok {
			return nil, nil, fmt.Errorf("reading a golearn grid: attribute %s is %T, expected a FloatAttribute", a.GetName(), a)
		}
		attrs = append(attrs, a)
	}
	slices.SortFunc(attrs, func(a, b base.Attribute) int {
		if a.GetName() < b.GetName() {
			return -1
		}
		return 1
	})
	_, rows := g.Size()
	names, columns := make([]string, len(attrs)), make([][]float64, len(attrs))
	for j, a := range attrs {
		spec, err := g.GetAttribute(a)
		if err != nil {
			return nil, nil, fmt.Errorf("reading a golearn grid: %w", err)
		}
		names[j], columns[j] = a.GetName(), make([]float64, rows)
		for i := range rows {
			columns[j][i] = base.UnpackBytesToFloat(g.Get(spec, i))
		}
	}
	labels := make([]bool, rows)
	for i := range labels {
		switch c := base.GetClass(g, i); c {
		case models.Classes[0]:
		case models.Classes[1]:
			labels[i] = true
		default:
			return nil, nil, fmt.Errorf("reading a golearn grid: row %d has class %q, expected one of %q", i, c, models.Classes)
		}
	}
	f, err := models.NewFrame(names, columns)
	return f, labels, err
}
