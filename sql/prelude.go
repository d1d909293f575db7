package sqlfiles

import (
	_ "embed" // for the prelude's text
	"fmt"
	"math"
	"regexp"
	"strings"
	"text/template"
)

var (
	//go:embed prelude/duckdb.sql
	duckDBPrelude string
	//go:embed prelude/duckdb_mining.sql
	duckDBMining string

	preludeTemplate = parsePrelude("prelude/duckdb.sql", duckDBPrelude)
	miningTemplate  = parsePrelude("prelude/duckdb_mining.sql", duckDBMining)
)

func parsePrelude(name, text string) *template.Template {
	return template.Must(template.New(name).Option("missingkey=error").Funcs(preludeFuncs).Parse(text))
}

// Params is what the macros of a session depend on.
type Params struct {
	AsOf                   string  // the as-of day, YYYY-MM-DD
	TimeZone               string  // of the business, such as Europe/Berlin
	LookbackDays           int     // who counts as active; at least 1
	HorizonDays            int     // how far labels look; at least 1
	CrossSellCategoryLimit int     // how many categories are offered; at least 1
	DefaultMarginRate      float64 // share of revenue, 0 to 1, where no cost is known
	RiskHigh, RiskMedium   float64 // lower borders of the risk bands, 0 to 1
	Mining                 Mining
}

var (
	dayPattern  = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}$`)
	zonePattern = regexp.MustCompile(`^[A-Za-z0-9_+/-]+$`)
	wordPattern = regexp.MustCompile(`[a-z0-9_]+`)
)

// Prelude writes the macros that all models use, as DuckDB statements. Parameters that
// would give SQL with another meaning are errors; see Params for the ranges.
func Prelude(p Params) (string, error) {
	base, mining, err := p.render()
	return base + mining, err
}

// PreludeOf is the part of the prelude on which the result of some SQL can depend: all of
// it but the macros of Mining that the texts do not call. A changed rule then changes the
// fingerprint of the tables that follow it and of no others.
func PreludeOf(p Params, texts ...string) (string, error) {
	base, mining, err := p.render()
	if err != nil {
		return "", err
	}
	return base + calledMacros(mining, texts), nil
}

func (p Params) render() (base, mining string, err error) {
	if err := p.check(); err != nil {
		return "", "", fmt.Errorf("writing the prelude: %w", err)
	}
	values := map[string]any{
		"AsOf":                   p.AsOf,
		"TimeZone":               p.TimeZone,
		"LookbackDays":           p.LookbackDays,
		"HorizonDays":            p.HorizonDays,
		"CrossSellCategoryLimit": p.CrossSellCategoryLimit,
		"DefaultMarginRate":      decimal(p.DefaultMarginRate),
		"RiskHigh":               decimal(p.RiskHigh),
		"RiskMedium":             decimal(p.RiskMedium),
	}
	var b, m strings.Builder
	if err := preludeTemplate.Execute(&b, values); err != nil {
		return "", "", fmt.Errorf("writing the prelude: %w", err)
	}
	if err := miningTemplate.Execute(&m, p.Mining); err != nil {
		return "", "", fmt.Errorf("writing the prelude: %w", err)
	}
	return b.String(), "\n" + m.String(), nil
}

// macroStart begins a macro; macros of Mining do not call each other.
const macroStart = "CREATE OR REPLACE MACRO "

// calledMacros are the macros whose name stands in one of the texts.
func calledMacros(prelude string, texts []string) string {
	words := map[string]bool{}
	for _, text := range texts {
		for _, w := range wordPattern.FindAllString(strings.ToLower(text), -1) {
			words[w] = true
		}
	}
	var called strings.Builder
	for _, macro := range strings.Split(prelude, macroStart)[1:] {
		if name, _, _ := strings.Cut(macro, "("); words[name] {
			called.WriteString(macroStart + macro)
		}
	}
	return called.String()
}

func (p Params) check() error {
	if !dayPattern.MatchString(p.AsOf) {
		return fmt.Errorf("as-of day must be YYYY-MM-DD, got %q", p.AsOf)
	}
	if !zonePattern.MatchString(p.TimeZone) {
		return fmt.Errorf("time zone must be a name such as Europe/Berlin, got %q", p.TimeZone)
	}
	for _, n := range []struct {
		what  string
		value int
	}{{"lookback days", p.LookbackDays}, {"horizon days", p.HorizonDays}, {"cross-sell category limit", p.CrossSellCategoryLimit}} {
		if n.value < 1 {
			return fmt.Errorf("%s must be at least 1, got %d", n.what, n.value)
		}
	}
	for _, x := range []struct {
		what  string
		value float64
	}{{"default margin rate", p.DefaultMarginRate}, {"risk band high", p.RiskHigh}, {"risk band medium", p.RiskMedium}} {
		if math.IsNaN(x.value) || x.value < 0 || x.value > 1 {
			return fmt.Errorf("%s must be from 0 to 1, got %v", x.what, x.value)
		}
	}
	return p.Mining.check()
}
