package jobs

import (
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/pipeline/contract"
)

// The table of kinds names those of the contract.
func TestInteractionKindsAreThoseOfTheContract(t *testing.T) {
	t.Parallel()
	p, err := BuiltIns(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m, _ := p.Models.Get("interaction_kinds")
	for _, kind := range contract.Kinds {
		if !strings.Contains(m.SQL, "'"+kind+"'") {
			t.Errorf("%s does not know %s", m.Path, kind)
		}
	}
	if quoted := strings.Count(m.SQL, "'") / 2; quoted != len(contract.Kinds) {
		t.Errorf("%s names %d kinds, the contract %d", m.Path, quoted, len(contract.Kinds))
	}
}
