package rule

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/mainstay-etl/mainstay/models"
)

// MarshalBinary writes the rule as one line of JSON, for people to read in the file.
func (r *Rule) MarshalBinary() ([]byte, error) {
	if r.features == nil {
		return nil, fmt.Errorf("saving a rule: %w", models.ErrNotFitted)
	}
	b, err := json.Marshal(r.table)
	return append(b, '\n'), err
}

// UnmarshalBinary restores what MarshalBinary wrote.
func (r *Rule) UnmarshalBinary(b []byte) error {
	r.features, r.table, r.tried = nil, table{}, nil
	var t table
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&t); err != nil {
		return fmt.Errorf("loading a rule: %w: %w", models.ErrCorrupt, err)
	}
	if again, err := json.Marshal(t); err != nil || !bytes.Equal(append(again, '\n'), b) {
		return fmt.Errorf("loading a rule: %w: it is not as it was written", models.ErrCorrupt)
	}
	if err := t.check(); err != nil {
		return fmt.Errorf("loading a rule: %w: %w", models.ErrCorrupt, err)
	}
	r.accept(t)
	return nil
}

func (r *Rule) accept(t table) {
	r.table, r.features = t, []string{}
	for _, in := range t.Inputs {
		r.features = append(r.features, in.Feature)
	}
}
