// Package sqlfiles holds the SQL models: one table per file, in layers, each with a
// sidecar that says what its rows and columns mean. The built-in models are embedded;
// a project's own sql/ folder overlays them. The package is text only: it knows no
// engine and runs nothing.
package sqlfiles

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
)

//go:embed staging features labels marts
var builtIns embed.FS

// Layer is a folder of models. Models of a layer are made after those of the layers
// before it and may read them.
type Layer string

// The layers, first to last.
const (
	// Catalogue sees the whole lake, not cut at a cutoff: master data that does not
	// change with time, such as names of products. There are no built-in ones.
	Catalogue Layer = "catalogue"
	// Staging puts the contract's tables in shape, as of a cutoff.
	Staging Layer = "staging"
	// Features describe customers, or customers and categories, as of a cutoff.
	Features Layer = "features"
	// Labels say what happened in the horizon after a cutoff.
	Labels Layer = "labels"
	// Marts are the tables for people.
	Marts Layer = "marts"
)

// Layers are all layers, first to last.
func Layers() []Layer { return []Layer{Catalogue, Staging, Features, Labels, Marts} }

// Origin tells who wrote a model.
type Origin string

// Where a model comes from.
const (
	BuiltIn Origin = "built-in"
	Project Origin = "project"
)

// Model is one table in SQL.
type Model struct {
	Name   string // of the table
	Layer  Layer
	Path   string // for messages, such as sql/features/customer_rhythm.sql
	SQL    string // one query
	Origin Origin
	// Replaces is the path of the built-in model that a project's model stands in
	// for; empty if there is none.
	Replaces string
	// Sidecar is nil if the model has none.
	Sidecar *Sidecar
}

// Set is all models that a project uses.
type Set struct {
	byName map[string]Model
}

// Load returns the built-in models overlaid with a project's. A project's model
// replaces the built-in one with its name, whatever the layer, together with its
// sidecar; any other name adds a table. A nil project means no overlay; otherwise it
// is the project's sql folder. The error names every problem, one per line, by file.
func Load(project fs.FS) (*Set, error) {
	models, err := readModels(builtIns, BuiltIn)
	if err != nil {
		return nil, fmt.Errorf("reading built-in SQL models: %w", err)
	}
	if project != nil {
		own, err := readModels(project, Project)
		if err != nil {
			return nil, err
		}
		for name, m := range own {
			m.Replaces = models[name].Path
			models[name] = m
		}
	}
	return &Set{byName: models}, nil
}

// All are the models by layer, then by name.
func (s *Set) All() []Model {
	var all []Model
	for _, l := range Layers() {
		all = append(all, s.Layer(l)...)
	}
	return all
}

// Layer are the models of one layer by name.
func (s *Set) Layer(l Layer) []Model {
	var models []Model
	for _, name := range slices.Sorted(maps.Keys(s.byName)) {
		if m := s.byName[name]; m.Layer == l {
			models = append(models, m)
		}
	}
	return models
}

// Get finds a model by the name of its table.
func (s *Set) Get(name string) (Model, bool) {
	m, ok := s.byName[name]
	return m, ok
}

// reserved are tables that Go jobs make or that sessions bind: no model may have
// their names.
var reserved = map[string]string{
	"orders":                     "a table of the contract",
	"interactions":               "a table of the contract",
	"customers":                  "a table of the contract",
	"products":                   "a table of the contract",
	"payments":                   "a table of the contract",
	"customer_features":          "joined from the models in features/",
	"customer_category_features": "joined from the models in features/",
	"churn_predictions":          "made by the churn model",
	"churn_reasons":              "made by the churn model",
	"cross_sell_predictions":     "made by the cross-sell model",
	"cross_sell_reasons":         "made by the cross-sell model",
	"purchase_process":           "fitted from purchase_history",
	"loyalty_coefficients":       "fitted from loyalty_labels",
	"value_driver_effects":       "learned from customer_features and value_tiers",
	"nights":                     "published from the ledger",
	"row_accounts":               "published from the ledger",
	"quarantine":                 "published from the lake",
	"model_metrics":              "made when models are trained",
	"score_grades":               "made when scores are graded",
}

// checkName tells why a table cannot have a name.
func checkName(name string) error {
	if !isIdentifier(name) {
		return fmt.Errorf("the file name is the table's name: expected a lower-case letter, then lower-case letters, digits and _, got %q", name)
	}
	if what, ok := reserved[name]; ok {
		return fmt.Errorf("the name %s is taken: it is %s; choose another", name, what)
	}
	if strings.HasPrefix(name, "future_") {
		return errors.New("names that begin with future_ are taken: label models see the horizon under them; choose another")
	}
	return nil
}

func isIdentifier(s string) bool {
	for i, c := range s {
		letter := c >= 'a' && c <= 'z'
		if !letter && (i == 0 || (c != '_' && (c < '0' || c > '9'))) {
			return false
		}
	}
	return s != ""
}
