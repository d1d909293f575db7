package kinds_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/blend"
	"github.com/mainstay-etl/mainstay/models/boost"
	"github.com/mainstay-etl/mainstay/models/golearnx"
	"github.com/mainstay-etl/mainstay/models/kinds"
	"github.com/mainstay-etl/mainstay/models/linear"
	"github.com/mainstay-etl/mainstay/models/rule"
)

// TestEveryKind: what an estimator says of itself makes its like again.
func TestEveryKind(t *testing.T) {
	t.Parallel()
	for _, e := range []models.Estimator{
		golearnx.NewForest(golearnx.Params{Trees: 3, Seed: 9}), linear.New(linear.Params{C: 0.3}), boost.New(boost.Params{Rounds: 7}),
		rule.New(rule.Params{Features: []string{"recency_days"}}),
		blend.New(linear.New(linear.Params{C: 0.3}), blend.New(boost.New(boost.Params{Rounds: 7}))),
	} {
		params, err := json.Marshal(e.Params())
		if err != nil {
			t.Fatal(err)
		}
		again, err := kinds.New(e.Kind(), params)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := json.Marshal(again.Params()); err != nil || again.Kind() != e.Kind() || string(got) != string(params) {
			t.Errorf("%s: made %s of %s", e.Kind(), got, params)
		}
	}
}

func TestUnknown(t *testing.T) {
	t.Parallel()
	if _, err := kinds.New("oracle", nil); err == nil {
		t.Error("an unknown kind was made")
	}
	for kind, params := range map[string]string{
		"linear": `{"c":"much"}`, "forest": `[]`, "blend": `{}`, "boost": `7`, "rule": `"x"`,
	} {
		if _, err := kinds.New(kind, json.RawMessage(params)); !errors.Is(err, models.ErrCorrupt) {
			t.Errorf("%s of %s: %v, want ErrCorrupt", kind, params, err)
		}
	}
	if _, err := kinds.New("blend", json.RawMessage(`{"members":[{"kind":"oracle"}]}`)); err == nil {
		t.Error("a blend with an unknown member was made")
	}
}
