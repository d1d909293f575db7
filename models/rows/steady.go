package rows

import "github.com/mainstay-etl/mainstay/models"

// steadyRows is how many rows a cutoff needs before it tells that a feature stands still.
const steadyRows = 100

// Steady drops, from the rows to learn from, the features that are the same for all
// customers at some cutoff, and returns what is left with the names of those dropped ones
// that are known at all.
// Such a feature cannot tell customers apart there, but it can tell that cutoff from the
// others: a window that is longer than the history was at first is missing at the early
// cutoffs and known at the later ones, and a model would learn the season from it. So would the
// month of the year, of which a cutoff has but one. At a
// cutoff with few rows that is chance, so those have no say. Even stays as it was.
func Steady(parts []Part) (kept []Part, aside []string, err error) {
	if len(parts) == 0 {
		return nil, nil, nil
	}
	var features []string
	for _, name := range parts[0].Rows.Frame.Features() {
		switch {
		case !still(parts, name):
			features = append(features, name)
		case known(parts, name):
			aside = append(aside, name)
		}
	}
	if len(features) == 0 || len(features) == len(parts[0].Rows.Frame.Features()) {
		return parts, nil, nil
	}
	for _, p := range parts {
		if p.Rows.Frame, err = p.Rows.Frame.Project(features); err != nil {
			return nil, nil, err
		}
		kept = append(kept, p)
	}
	return kept, aside, nil
}

// still tells whether a feature has one value at some cutoff.
func still(parts []Part, name string) bool {
	for _, p := range parts {
		if p.Read >= steadyRows && !varies(p.Even, name) {
			return true
		}
	}
	return false
}

// known tells whether a feature has a value in any row.
func known(parts []Part, name string) bool {
	for _, p := range parts {
		j := p.Even.Find(name)
		for i := range p.Even.Rows() {
			if v := p.Even.Column(j).At(i); v == v {
				return true
			}
		}
	}
	return false
}

// varies tells whether a feature has two values in a frame; missing is a value.
func varies(f *models.Frame, name string) bool {
	j := f.Find(name)
	if j < 0 || f.Rows() == 0 {
		return false
	}
	c := f.Column(j)
	first := c.At(0)
	for i := 1; i < f.Rows(); i++ {
		if v := c.At(i); v != first && (v == v || first == first) {
			return true
		}
	}
	return false
}
