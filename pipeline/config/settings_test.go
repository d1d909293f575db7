package config

import (
	"strings"
	"testing"
)

func TestWith(t *testing.T) {
	t.Parallel()
	base := Default()
	got, err := base.With("a.test", 7, "history:\n  lookback_days: 30\ntime_zone: Europe/London\nmining: {tiers: {three: [0.1, 0.5]}}\n")
	if err != nil {
		t.Fatal(err)
	}
	if got.History.LookbackDays != 30 || got.History.HorizonDays != base.History.HorizonDays || got.TimeZone != "Europe/London" || got.Mining.Tiers.Three[1] != 0.5 {
		t.Errorf("got %+v", got)
	}
	if fresh := Default(); base.History != fresh.History || base.TimeZone != fresh.TimeZone || base.Mining.Tiers.Three[1] != fresh.Mining.Tiers.Three[1] {
		t.Error("the base has changed with it")
	}
	if got, err := base.With("a.test", 7, ""); err != nil || got.History != base.History {
		t.Errorf("nothing: got %+v, %v", got, err)
	}
}

func TestWithErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ text, want string }{
		{"name: shop", "a.test:7:1: name: this decides nothing here; expected one of time_zone, history, cross_sell, margin, risk_bands, mining"},
		{"history:\n  lookback_dys: 1", "a.test:8:3: history.lookback_dys: unknown key; expected one of"},
		{"history: {lookback_days: 0}", "a.test:7:26: history.lookback_days: "},
		{"risk_bands: {high: 0.3}", "a.test:7:20: risk_bands.high: medium (0.4) is not below high (0.3); expected medium < high"},
		{"\n- a", "a.test:7:1: expected keys and values as in mainstay.yaml, got a list"},
		{"a: [", "a.test:7:"},
		{"time_zone: Mars/Base", "a.test:7:12: time_zone: "},
	} {
		_, err := Default().With("a.test", 7, tt.text)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s:\n got %v\nwant %s", tt.text, err, tt.want)
		}
	}
}
