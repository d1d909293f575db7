package sqlfiles

import (
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write golden files")

var goodParams = Params{
	AsOf: "2011-09-01", TimeZone: "Europe/London", LookbackDays: 180, HorizonDays: 90, CrossSellCategoryLimit: 30,
	DefaultMarginRate: 0.3, RiskHigh: 0.7, RiskMedium: 0.4,
}

func TestPrelude(t *testing.T) {
	t.Parallel()
	got, err := Prelude(goodParams)
	if err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/prelude.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the prelude changed; run go test ./sql -update and look at the difference:\n%s", got)
	}
	for _, macro := range []string{
		"as_of()", "cutoff()", "days_ago(n)", "age_days(ts)", "lookback_days()", "horizon_days()",
		"cross_sell_category_limit()", "default_margin_rate()", "safe_div(a, b)", "risk_high()", "risk_medium()",
	} {
		if !strings.Contains(got, "MACRO "+macro+" AS") {
			t.Errorf("macro %s is missing", macro)
		}
	}
}

func TestPreludeErrors(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*Params)
		want   string
	}{
		"day":      {func(p *Params) { p.AsOf = "2011-9-1'" }, "as-of day must be YYYY-MM-DD"},
		"no day":   {func(p *Params) { p.AsOf = "" }, "as-of day must be YYYY-MM-DD"},
		"zone":     {func(p *Params) { p.TimeZone = "x'; DROP" }, "time zone must be a name such as Europe/Berlin"},
		"lookback": {func(p *Params) { p.LookbackDays = 0 }, "lookback days must be at least 1, got 0"},
		"horizon":  {func(p *Params) { p.HorizonDays = -1 }, "horizon days must be at least 1"},
		"limit":    {func(p *Params) { p.CrossSellCategoryLimit = 0 }, "cross-sell category limit must be at least 1"},
		"margin":   {func(p *Params) { p.DefaultMarginRate = 1.1 }, "default margin rate must be from 0 to 1"},
		"high":     {func(p *Params) { p.RiskHigh = 2 }, "risk band high must be from 0 to 1"},
		"medium":   {func(p *Params) { p.RiskMedium = -0.1 }, "risk band medium must be from 0 to 1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := goodParams
			c.change(&p)
			if _, err := Prelude(p); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestDecimalHasNoExponent(t *testing.T) {
	t.Parallel()
	if got := decimal(0.0000001); got != "0.0000001" {
		t.Errorf("got %s", got)
	}
}
