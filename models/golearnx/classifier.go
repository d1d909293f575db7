package golearnx

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/sjwhitworth/golearn/base"

	"github.com/mainstay-etl/mainstay/models"
)

// Classifier makes any estimator a golearn classifier: Fit and Predict take
// golearn grids (float attributes, one class attribute with the values "0" and
// "1"), Save and Load use golearn's serialiser. Predict gives "1" where the
// probability is above one half; for probabilities use the estimator itself.
//
// Nights use the estimators directly, on frames: a grid costs eight bytes per value. This
// is for programs that are built on golearn, and for tests against golearn's own code.
type Classifier struct{ Estimator models.Estimator }

var _ base.Classifier = Classifier{}

// Fit learns from a grid.
func (c Classifier) Fit(g base.FixedDataGrid) error {
	f, labels, err := FromGrid(g)
	if err != nil {
		return err
	}
	return c.Estimator.Fit(context.Background(), models.Training{Frame: f, Labels: labels})
}

// Predict returns a grid with the class attribute only.
func (c Classifier) Predict(g base.FixedDataGrid) (base.FixedDataGrid, error) {
	f, _, err := FromGrid(g)
	if err != nil {
		return nil, err
	}
	if c.Estimator.Features() == nil {
		return nil, fmt.Errorf("predicting: %w", models.ErrNotFitted)
	}
	if f, err = f.Project(c.Estimator.Features()); err != nil {
		return nil, err
	}
	p, err := c.Estimator.PredictProba(f)
	if err != nil {
		return nil, err
	}
	out := base.GeneratePredictionVector(g)
	for i := range p {
		base.SetClass(out, i, classOf(p[i] > 0.5))
	}
	return out, nil
}

// String names the estimator.
func (c Classifier) String() string {
	return fmt.Sprintf("%s(%d members)", c.Estimator.Kind(), c.Estimator.Members())
}

// GetMetadata describes the classifier to golearn's serialiser.
func (c Classifier) GetMetadata() base.ClassifierMetadataV1 {
	return base.ClassifierMetadataV1{FormatVersion: 1, ClassifierName: c.Estimator.Kind(), ClassifierVersion: "1"}
}

// Save writes a golearn model file.
func (c Classifier) Save(path string) error {
	w, err := base.CreateSerializedClassifierStub(path, c.GetMetadata())
	if err != nil {
		return fmt.Errorf("saving %s: %w", path, err)
	}
	if err := c.SaveWithPrefix(w, ""); err != nil {
		return err
	}
	return w.Close()
}

// saved is stored beside the payload and checked on load: golearn's own forests
// store neither the number of trees nor the order of the classes.
type saved struct {
	Kind     string
	Members  int
	Classes  []string
	Features []string
}

// SaveWithPrefix writes into a golearn model file.
func (c Classifier) SaveWithPrefix(w *base.ClassifierSerializer, prefix string) error {
	payload, err := c.Estimator.MarshalBinary()
	if err != nil {
		return err
	}
	s := saved{c.Estimator.Kind(), c.Estimator.Members(), models.Classes, c.Estimator.Features()}
	if err := w.WriteJSONForKey(w.Prefix(prefix, "MAINSTAY_HEADER"), s); err != nil {
		return fmt.Errorf("saving a classifier: %w", err)
	}
	if err := w.WriteBytesForKey(w.Prefix(prefix, "MAINSTAY_PAYLOAD"), payload); err != nil {
		return fmt.Errorf("saving a classifier: %w", err)
	}
	return nil
}

// Load reads what Save wrote.
func (c Classifier) Load(path string) error {
	r, err := base.ReadSerializedClassifierStub(path)
	if err != nil {
		return fmt.Errorf("loading %s: %w", path, err)
	}
	defer r.Close()
	return c.LoadWithPrefix(r, "")
}

// LoadWithPrefix reads what SaveWithPrefix wrote.
func (c Classifier) LoadWithPrefix(r *base.ClassifierDeserializer, prefix string) error {
	header, err := r.GetBytesForKey(r.Prefix(prefix, "MAINSTAY_HEADER"))
	if err != nil {
		return fmt.Errorf("loading a classifier: %w", err)
	}
	payload, err := r.GetBytesForKey(r.Prefix(prefix, "MAINSTAY_PAYLOAD"))
	if err != nil {
		return fmt.Errorf("loading a classifier: %w", err)
	}
	var s saved
	if err := json.Unmarshal(header, &s); err != nil {
		return fmt.Errorf("loading a classifier: %w: %w", models.ErrCorrupt, err)
	}
	if s.Kind != c.Estimator.Kind() {
		return fmt.Errorf("loading a classifier: it is a %s, expected a %s", s.Kind, c.Estimator.Kind())
	}
	if err := c.Estimator.UnmarshalBinary(payload); err != nil {
		return err
	}
	if s.Members != c.Estimator.Members() || !slices.Equal(s.Classes, models.Classes) || !slices.Equal(s.Features, c.Estimator.Features()) {
		return fmt.Errorf("loading a classifier: %w: header and content differ", models.ErrCorrupt)
	}
	return nil
}
