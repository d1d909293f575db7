package jobs

import (
	"fmt"
	"slices"

	sqlfiles "github.com/mainstay-etl/mainstay/sql"
)

// checkRelationships makes sure that relationships lead from a published table to one:
// they are checked in the audit, which has no other tables.
func (pl *plan) checkRelationships(m sqlfiles.Model) error {
	if m.Sidecar == nil {
		return nil
	}
	for _, c := range m.Sidecar.Checks {
		if c.Kind != sqlfiles.Relationships {
			continue
		}
		if !publishedLayer(m.Layer) {
			return fmt.Errorf("%s: relationships are checked between published tables, and those of %s/ are not published: say it with an expression, or in words", m.Sidecar.Path, m.Layer)
		}
		to, isModel := pl.models.Get(c.To)
		_, isGo := goTables[c.To]
		if !isGo && !(isModel && publishedLayer(to.Layer)) && !slices.Contains([]string{customerFeatures, customerCategoryFeatures}, c.To) {
			return fmt.Errorf("%s: relationships to %s, which is no published table: expected a model of catalogue/ or marts/, or a table that mainstay publishes", m.Sidecar.Path, c.To)
		}
	}
	return nil
}

func publishedLayer(l sqlfiles.Layer) bool {
	return l == sqlfiles.Catalogue || l == sqlfiles.Marts
}
